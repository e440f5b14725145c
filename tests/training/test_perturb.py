import cv2
import numpy as np
import pytest
import torch

from whyframe import perturb as sdk
from whyframe_training.perturb import GaussianBlur, perturb, random_backgrounds, upsample

SIDE = 48


def images(n: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))


def test_eq_1_by_hand() -> None:
    image, background = torch.full((1, 3, 2, 2), 0.8), torch.full((1, 3, 2, 2), 0.2)
    mask = torch.tensor([[[[1.0, 0.0], [0.5, 0.25]]]])
    expected = torch.tensor([[0.8, 0.2], [0.5, 0.35]])
    torch.testing.assert_close(perturb(image, mask, background)[0, 0], expected)


def test_blur_is_the_runtimes_blur() -> None:
    frame = (images(1)[0] * 255).round().permute(1, 2, 0).byte().numpy()
    ours = GaussianBlur(SIDE)(torch.from_numpy(frame).permute(2, 0, 1)[None].double())[0].permute(1, 2, 0)
    assert np.abs(ours.numpy() - sdk.blur(frame)).max() <= 0.5 + 1e-3  # the runtime rounds to uint8


def test_blur_is_opencvs_gaussian() -> None:
    image = images(1, 3)[0].permute(1, 2, 0).double().numpy()
    expected = cv2.GaussianBlur(image, (61, 61), 10, borderType=cv2.BORDER_REFLECT_101)
    ours = GaussianBlur(SIDE)(images(1, 3).double())[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_upsampling_has_half_pixel_centres_as_the_runtimes() -> None:
    mask = torch.rand(1, 7, 7, generator=torch.Generator().manual_seed(0))
    ours = upsample(mask, 56)[0, 0].numpy()
    np.testing.assert_allclose(ours, sdk.upsample(mask[0].numpy(), 56, 56), atol=1e-5)
    i = 19  # the centre of output pixel i lies at (i + 0.5) / 8 - 0.5 in the mask
    x = (i + 0.5) / 8 - 0.5
    low, t = int(x), x - int(x)
    assert ours[2, i] == pytest.approx(float((1 - t) * mask[0, 0, low] + t * mask[0, 0, low + 1]), abs=1e-6)


def test_backgrounds_are_half_blurred_half_a_noisy_colour() -> None:
    x = images(64)
    blur = GaussianBlur(SIDE)
    made = random_backgrounds(x, blur, torch.Generator().manual_seed(0))
    blurred = [torch.allclose(a, b) for a, b in zip(made, blur(x), strict=True)]
    assert 20 < sum(blurred) < 44
    plain = made[[not b for b in blurred]]
    assert plain.min() >= 0
    assert plain.max() <= 1
    assert plain.flatten(2).mean(-1).std() > 0.1, "colours differ"
    assert plain.flatten(2).std(-1).median() > 0.02, "and carry noise"


def test_backgrounds_depend_on_the_seed_alone() -> None:
    first, same, other = (
        random_backgrounds(images(), GaussianBlur(SIDE), torch.Generator().manual_seed(s)) for s in (5, 5, 6)
    )
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_gradient_reaches_the_mask() -> None:
    mask = torch.rand(1, 1, SIDE, SIDE, dtype=torch.float64, requires_grad=True)
    background = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.float64)
    perturb(images(1).double(), mask, background).sum().backward()
    torch.testing.assert_close(mask.grad, images(1).double().sum(1, keepdim=True))
