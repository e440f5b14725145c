import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from helpers import colour_network
from helpers.tiny_classifier import block_images
from helpers.tiny_classifier import classifier as tiny_classifier
from whyframe_evaluation.methods.mask_optimiser import blend, blurred
from whyframe_evaluation.methods.meaningful_perturbation import (
    LowResolutionMask,
    MeaningfulDeletion,
    MeaningfulPerturbation,
    MeaningfulPreservation,
    scatter,
)
from whyframe_training.classifiers.classifier import Classifier, ClassifierSpec, build_classifier

GAMES = (MeaningfulDeletion, MeaningfulPreservation)
QUICK = {"iterations": 60, "factor": 4, "smoothing": 2.0}  # for images of 64 x 64


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("perturbation", ["blur", "constant", "noise"])
def test_the_mask_is_where_the_class_is(game: type[MeaningfulPerturbation], perturbation: str) -> None:
    method = game(perturbation=perturbation, **QUICK)
    images, targets = colour_network.image().expand(3, -1, -1, -1), torch.arange(3)
    maps = method.explain(colour_network.classifier(), images, targets)
    assert maps.shape == (3, 64, 64)
    assert maps.min() >= 0
    assert maps.max() <= 1 + 1e-6
    for target, importance in enumerate(maps):
        inside = [importance[colour_network.patch(colour)].mean() for colour in range(3)]
        assert inside.pop(target) > 0.7
        assert max(inside) < (0.4 if perturbation == "noise" else 0.1)  # the noise itself is texture


@pytest.mark.parametrize("game", GAMES)
def test_the_game_is_won(game: type[MeaningfulPerturbation]) -> None:
    classifier, images = colour_network.classifier(), colour_network.image()
    importance = game(**QUICK).explain(classifier, images, torch.tensor([1]))[:, None]
    deletes = game is MeaningfulDeletion
    edited = blend(blurred(images, (10.0, 0.0)), 1 - importance if deletes else importance)
    clean, left = (classifier.logits(x).softmax(1)[0, 1] for x in (images, edited))
    assert left < 0.25 if deletes else left > clean


@pytest.mark.parametrize("jitter", [0, 4])
@pytest.mark.parametrize("game", GAMES)
def test_eq_4_and_adam_by_hand(game: type[MeaningfulPerturbation], jitter: int) -> None:
    classifier, images = tiny_classifier(head_gain=3).double(), block_images(2).double()
    targets = torch.tensor([1, 3])
    method = game(iterations=7, jitter=jitter, factor=4, smoothing=2.0, area_weight=3e-3, tv_weight=0.05)
    maps = method.explain(classifier, images, targets)
    for image, target, importance in zip(images, targets, maps, strict=True):
        expected = by_hand(classifier, image, int(target), method)
        np.testing.assert_allclose(importance.numpy(), expected, atol=1e-5)


def by_hand(classifier: Classifier, image: torch.Tensor, target: int, method: MeaningfulPerturbation):  # type: ignore[no-untyped-def]
    """Return the importance by section 4 of the paper for a single image, with Adam written out and OpenCV's blur."""
    deletes, side = isinstance(method, MeaningfulDeletion), image.shape[-1]

    def smooth(x: np.ndarray, sigma: float) -> np.ndarray:
        radius = int(np.ceil(3 * sigma))
        return cv2.GaussianBlur(x, (2 * radius + 1,) * 2, sigma, borderType=cv2.BORDER_REFLECT_101)

    def probability(x: torch.Tensor) -> torch.Tensor:
        return classifier.logits(x[None]).softmax(1)[0, target]

    background = torch.from_numpy(smooth(image.permute(1, 2, 0).numpy(), method.sigma)).permute(2, 0, 1)
    start = first_disc(image, background, probability, smooth, deletes)
    mask = torch.from_numpy(start.reshape(side // 4, 4, side // 4, 4).mean((1, 3))).requires_grad_()
    columns = [smooth(column[:, None], method.smoothing)[:, 0] for column in np.eye(side // 4).repeat(4, 1)]
    axis = torch.from_numpy(np.stack(columns, axis=1))  # a cell's extent, blurred
    drawn = torch.Generator().manual_seed(method.seed)
    first, second = torch.zeros_like(mask), torch.zeros_like(mask)
    for t in range(1, method.iterations + 1):
        dy, dx = (torch.randint(4, (2,), generator=drawn) - 2).tolist() if method.jitter else (0, 0)
        large = axis @ mask @ axis.T
        rows, cols = (np.arange(side) + dy).clip(0, side - 1), (np.arange(side) + dx).clip(0, side - 1)
        here, there = (x[:, rows][:, :, cols] for x in (image, background))
        score = probability(large * here + (1 - large) * there)
        down = F.pad(mask[1:] - mask[:-1], (0, 0, 0, 1))
        right = F.pad(mask[:, 1:] - mask[:, :-1], (0, 1))
        smoothness = ((down**2 + right**2 + 1e-30).sqrt() ** method.tv_beta).sum()
        size = (1 - mask).sum() if deletes else mask.sum()  # within [0, 1]
        loss = method.area_weight * size + method.tv_weight * smoothness + (score if deletes else -score)
        (gradient,) = torch.autograd.grad(loss, mask)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        step = first / (1 - 0.9**t) / ((second / (1 - 0.999**t)).sqrt() + 1e-8)
        mask = (mask - method.learning_rate * step).detach().clamp(0, 1).requires_grad_()
    large = (axis @ mask @ axis.T).detach().numpy()
    return 1 - large if deletes else large


def first_disc(image, background, probability, smooth, deletes):  # type: ignore[no-untyped-def]
    """Return the mask of the smallest blurred disc that suppresses (or keeps) 99 %, or else of the closest disc."""
    side = image.shape[-1]
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    clean, none = float(probability(image)), float(probability(background))
    masks, left = [], []
    for radius in range(0, 175, 5):
        disc = smooth((np.hypot(y, x) < radius / 224 * side).astype(float), 10 / 224 * side)
        masks.append(1 - disc if deletes else disc)
        m = torch.from_numpy(masks[-1])
        share = (float(probability(m * image + (1 - m) * background)) - none) / (clean - none)
        left.append(share if deletes else 1 - share)
    won = [i for i, value in enumerate(left) if value < 0.01]
    return masks[won[0] if won else int(np.argmin(left))]


@pytest.mark.parametrize("side", [224, 60])
def test_the_coarse_mask_is_repeated_then_blurred(side: int) -> None:
    shown = LowResolutionMask(side, side, factor=8, sigma=5.0)
    coarse = torch.rand(1, 1, *shown.cells, generator=torch.Generator().manual_seed(0)).double()
    large = np.kron(coarse[0, 0].numpy(), np.ones((8, 8)))[:side, :side]
    expected = cv2.GaussianBlur(large, (31, 31), 5, borderType=cv2.BORDER_REFLECT_101)
    np.testing.assert_allclose(shown(coarse)[0, 0].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize(
    "method", [game(iterations=20, factor=4, top=top) for game in GAMES for top in (1, 3)]
)
def test_a_map_does_not_depend_on_its_batch(method: MeaningfulPerturbation) -> None:
    classifier, images, targets = tiny_classifier(head_gain=3), block_images(3), torch.tensor([0, 4, 2])
    together = method.explain(classifier, images, targets)
    alone = [method.explain(classifier, x[None], t[None]) for x, t in zip(images, targets, strict=True)]
    torch.testing.assert_close(together, torch.cat(alone), atol=1e-3, rtol=0)
    assert torch.equal(together, method.explain(classifier, images, targets)), "the same again"


def test_only_the_seed_moves_the_jitter() -> None:
    classifier, images, targets = tiny_classifier(head_gain=3), block_images(1), torch.tensor([0])
    first, second = (
        MeaningfulDeletion(iterations=5, seed=seed).explain(classifier, images, targets) for seed in (0, 1)
    )
    assert not torch.equal(first, second)


def test_several_classes_are_the_target_and_the_most_probable_others() -> None:
    classifier, images = tiny_classifier(head_gain=3).double(), block_images(2).double()
    likely = classifier.logits(images).argsort(1, descending=True)
    method = MeaningfulDeletion(iterations=3, factor=4, top=3)
    last = method.explain(classifier, images, likely[:, 2])
    torch.testing.assert_close(last, method.explain(classifier, images, likely[:, 0]), msg="the same three")
    outside = method.explain(classifier, images, likely[:, 4])
    assert not torch.allclose(outside, last)


def test_more_levels_blur_by_strength() -> None:
    classifier, images, targets = tiny_classifier(head_gain=3), block_images(1), torch.tensor([0])
    two, eight = (
        MeaningfulDeletion(iterations=5, levels=n).explain(classifier, images, targets) for n in (2, 8)
    )
    assert not torch.allclose(two, eight)


def test_a_class_that_the_image_does_not_show_still_gets_a_finite_map() -> None:
    blank = torch.full((1, 3, 64, 64), 0.5)
    for game in GAMES:
        assert (
            game(iterations=3)
            .explain(tiny_classifier(head_gain=3), blank, torch.tensor([1]))
            .isfinite()
            .all()
        )


def test_the_classifier_is_unchanged() -> None:
    classifier = tiny_classifier(head_gain=3)
    before = {name: value.clone() for name, value in classifier.state_dict().items()}
    MeaningfulDeletion(iterations=2).explain(classifier, block_images(1), torch.tensor([0]))
    assert all(torch.equal(value, before[name]) for name, value in classifier.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in classifier.parameters())
    assert not any(m._forward_hooks for m in classifier.modules())


def test_the_settings_are_those_of_the_paper() -> None:
    method = MeaningfulDeletion()
    assert (method.iterations, method.learning_rate, method.sigma) == (300, 0.1, 10)
    assert (method.area_weight, method.tv_weight, method.tv_beta) == (1e-4, 1e-2, 3)
    assert (method.factor, method.smoothing, method.jitter) == (8, 5, 4)
    local = method.for_localisation()
    assert (local.area_weight, local.tv_beta, local.top) == (1e-3, 2, 5)
    assert isinstance(local, MeaningfulDeletion)


def test_invalid_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="choose blur, noise, constant"):
        MeaningfulDeletion(perturbation="fog")
    with pytest.raises(ValueError, match="choose at least 2"):
        MeaningfulDeletion(levels=1)


def test_scatter_is_outline_over_area() -> None:
    y, x = torch.meshgrid(*[torch.arange(96.0) - 47.5] * 2, indexing="ij")
    disc = ((20.5 - torch.hypot(y, x)).clamp(0, 1))[None]
    assert scatter(disc).item() == pytest.approx(2 / 20, rel=0.1)
    dots = torch.zeros(1, 96, 96)
    dots[:, 10::20, 10::20] = 1
    assert scatter(dots).item() == pytest.approx(2 + 2**0.5, rel=1e-3)


def test_without_regularisers_the_mask_scatters() -> None:
    """Fig. 5: Eq. 3 alone selects single pixels."""
    classifier, images, targets = tiny_classifier(head_gain=3), block_images(2), torch.tensor([1, 3])
    method = MeaningfulDeletion(**QUICK)
    smooth, free = (m.explain(classifier, images, targets) for m in (method, method.without_regularisers()))
    assert (scatter(free) > 3 * scatter(smooth)).all()


@pytest.fixture(scope="module")
def lite0() -> Classifier:
    return build_classifier(ClassifierSpec("efficientnet_lite0"))


@pytest.fixture(scope="module")
def coffee() -> torch.Tensor:
    """Image of a cup and a spoon from scikit-image (CC0), 1 x 3 x 224 x 224."""
    image = torch.tensor(pytest.importorskip("skimage.data").coffee()).permute(2, 0, 1)[None] / 255
    return F.interpolate(image, size=(224, 224), mode="bilinear", antialias=True, align_corners=False)


@pytest.mark.slow
@pytest.mark.parametrize("game", GAMES)
def test_less_than_a_quarter_of_an_image_deletes_or_preserves_its_class(
    game: type[MeaningfulPerturbation], lite0: Classifier, coffee: torch.Tensor
) -> None:
    """Takes the area weight of Tables 1 and 2: this network withstands more blur than the paper's GoogLeNet."""
    clean, target = lite0.logits(coffee).softmax(1).max(1)
    assert lite0.labels[target] == "espresso"
    importance = game(area_weight=1e-3).explain(lite0, coffee, target)
    assert importance.mean() < 0.25
    assert (importance > 0.5).float().mean() < 0.25
    deletes = game is MeaningfulDeletion
    edited = blend(blurred(coffee, (10.0, 0.0)), (1 - importance if deletes else importance)[:, None])
    share = (lite0.logits(edited).softmax(1)[0, target] / clean).item()
    assert share < 0.05 if deletes else share > 0.95


@pytest.mark.slow
def test_without_regularisers_the_mask_of_an_image_is_an_artefact(
    lite0: Classifier, coffee: torch.Tensor
) -> None:
    """Fig. 5: scattered pixels, too few to hide a cup, still change the answer of the network."""
    clean, target = lite0.logits(coffee).softmax(1).max(1)
    free = MeaningfulDeletion(perturbation="constant", iterations=100).without_regularisers()
    importance = free.explain(lite0, coffee, target)
    colour = lite0.mean.expand_as(coffee)
    fooled = lite0.logits(blend(torch.stack([colour, coffee]), 1 - importance[:, None]))
    assert fooled.softmax(1)[0, target] < 0.05 * clean
    assert importance.mean() < 0.05
    assert scatter(importance).item() > 1  # a smooth mask has less than 0.1
