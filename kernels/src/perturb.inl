// Perturbation of images (Fu et al. 2022, Eq. 1) by soft and by binary masks. A thread loads four elements of the image
// once and uses them for all masks.

namespace whyframe {

// Shape of images of channels x pixels, or pixels x channels if they are interleaved.
struct ImageShape {
  int64_t channels, pixels;
  bool interleaved;

  WHYFRAME_DEVICE int64_t elements() const { return channels * pixels; }
  WHYFRAME_DEVICE int64_t groups() const { return ceil_div(elements(), GROUP); }
  WHYFRAME_DEVICE int64_t pixel(int64_t element) const {
    return interleaved ? element / channels : element % pixels;
  }
  WHYFRAME_DEVICE int64_t element(int64_t channel, int64_t pixel) const {
    return interleaved ? pixel * channels + channel : channel * pixels + pixel;
  }
};

// Four elements of an image and their pixels.
struct Tile {
  int64_t first, count;
  int64_t pixel[GROUP];

  WHYFRAME_DEVICE Tile(const ImageShape& shape, int64_t group)
      : first(group * GROUP), count(smaller(GROUP, shape.elements() - group * GROUP)) {
    for (int j = 0; j < GROUP; ++j) pixel[j] = shape.pixel(first + smaller(j, count - 1));
  }
};

template <class T>
struct Perturb {
  const T* image;
  const T* background;
  const float* masks;
  T* out;
  int64_t masks_per_image;
  ImageShape shape;
  bool aligned, aligned_masks;

  WHYFRAME_DEVICE void operator()(int64_t item) const {
    const int64_t group = item / shape.groups();
    const Tile tile(shape, item % shape.groups());
    const int64_t base = group * shape.elements() + tile.first;
    const Pack<T> kept = load_group(image + base, tile.count, aligned);
    const Pack<T> behind = load_group(background + base, tile.count, aligned);
    for (int64_t n = group * masks_per_image; n < (group + 1) * masks_per_image; ++n) {
      const Pack<float> mask = load_mask(masks + n * shape.pixels, tile);
      Pack<T> mixed;
      for (int j = 0; j < GROUP; ++j) {
        mixed.at[j] = nearest<T>(mask.at[j] * to_float(kept.at[j]) + (1 - mask.at[j]) * to_float(behind.at[j]));
      }
      store_group(out + n * shape.elements() + tile.first, mixed, tile.count, aligned);
    }
  }

 private:
  WHYFRAME_DEVICE Pack<float> load_mask(const float* mask, const Tile& tile) const {
    if (aligned_masks) return load_group(mask + tile.pixel[0], GROUP, true);
    Pack<float> values;
    for (int j = 0; j < GROUP; ++j) values.at[j] = mask[tile.pixel[j]];
    return values;
  }
};

template <class T>
struct PerturbBackward {
  const T* image;
  const T* background;
  const T* grad_out;
  float* grad_masks;
  int64_t masks_per_image;
  ImageShape shape;
  bool aligned;

  // Computes four pixels of a mask.
  WHYFRAME_DEVICE void operator()(int64_t item) const {
    const int64_t groups = ceil_div(shape.pixels, GROUP), n = item / groups, first = item % groups * GROUP;
    const int64_t count = smaller(GROUP, shape.pixels - first);
    const int64_t base = n / masks_per_image * shape.elements();
    Pack<float> sums{};
    for (int64_t channel = 0; channel < shape.channels; ++channel) {
      const Pack<T> kept = load(image + base, channel, first, count);
      const Pack<T> behind = load(background + base, channel, first, count);
      const Pack<T> grad = load(grad_out + n * shape.elements(), channel, first, count);
      for (int j = 0; j < GROUP; ++j) {
        sums.at[j] += to_float(grad.at[j]) * (to_float(kept.at[j]) - to_float(behind.at[j]));
      }
    }
    store_group(grad_masks + n * shape.pixels + first, sums, count, aligned);
  }

 private:
  WHYFRAME_DEVICE Pack<T> load(const T* data, int64_t channel, int64_t pixel, int64_t count) const {
    if (!shape.interleaved) return load_group(data + shape.element(channel, pixel), count, aligned);
    Pack<T> values;
    for (int j = 0; j < GROUP; ++j) values.at[j] = data[shape.element(channel, pixel + smaller(j, count - 1))];
    return values;
  }
};

template <class T>
struct PerturbRanked {
  // Number of masks that a thread applies. It is small, so that a single small image occupies a large GPU.
  static constexpr int64_t RUN = 8;

  const T* image;
  const T* background;
  const int32_t* position;
  const int32_t* counts;
  T* out;
  int64_t masks;
  ImageShape shape;
  bool aligned;

  WHYFRAME_DEVICE void operator()(int64_t item) const {
    const int64_t first_mask = item / shape.groups() * RUN;
    const Tile tile(shape, item % shape.groups());
    const Pack<T> kept = load_group(image + tile.first, tile.count, aligned);
    const Pack<T> behind = load_group(background + tile.first, tile.count, aligned);
    int32_t rank[GROUP];
    for (int j = 0; j < GROUP; ++j) rank[j] = position[tile.pixel[j]];
    for (int64_t n = first_mask; n < smaller(first_mask + RUN, masks); ++n) {
      const int32_t count = counts[n];
      Pack<T> mixed;
      for (int j = 0; j < GROUP; ++j) mixed.at[j] = rank[j] < count ? kept.at[j] : behind.at[j];
      store_group(out + n * shape.elements() + tile.first, mixed, tile.count, aligned);
    }
  }
};

// Whether every image of the batches starts at an address that is aligned for groups of four.
template <class T>
bool all_aligned(int64_t length, std::initializer_list<const T*> batches) {
  bool aligned = length % GROUP == 0;
  for (const T* batch : batches) aligned = aligned && reinterpret_cast<uintptr_t>(batch) % alignof(Pack<T>) == 0;
  return aligned;
}

}  // namespace whyframe

WHYFRAME_ENTRY(perturb, const void* image, const void* background, int type, int layout, const float* masks, void* out,
               int64_t groups, int64_t masks_per_image, int64_t channels, int64_t pixels) {
  using namespace whyframe;
  WHYFRAME_TRY(need_not_negative({groups, masks_per_image, channels, pixels}));
  if (!is_layout(layout)) return WHYFRAME_BAD_ENUM;
  return with_type(type, [&](auto tag) -> int {
    using T = typename decltype(tag)::type;
    if (groups * masks_per_image * channels * pixels == 0) return WHYFRAME_OK;
    WHYFRAME_TRY(need_pointers({image, background, masks, out}));
    const auto *kept = static_cast<const T*>(image), *behind = static_cast<const T*>(background);
    auto* mixed = static_cast<T*>(out);
    const ImageShape shape{channels, pixels, layout == WHYFRAME_INTERLEAVED};
    const bool aligned = all_aligned<T>(channels * pixels, {kept, behind, mixed});
    const bool aligned_masks = !shape.interleaved && all_aligned<float>(pixels, {masks});
    const Perturb<T> body{kept, behind, masks, mixed, masks_per_image, shape, aligned, aligned_masks};
    return WHYFRAME_LAUNCHER.each(groups * ceil_div(channels * pixels, GROUP), body);
  });
}

WHYFRAME_ENTRY(perturb_backward, const void* image, const void* background, int type, int layout, const void* grad_out,
               float* grad_masks, int64_t groups, int64_t masks_per_image, int64_t channels, int64_t pixels) {
  using namespace whyframe;
  WHYFRAME_TRY(need_not_negative({groups, masks_per_image, channels, pixels}));
  if (!is_layout(layout)) return WHYFRAME_BAD_ENUM;
  return with_float_type(type, [&](auto tag) -> int {
    using T = typename decltype(tag)::type;
    if (groups * masks_per_image * channels * pixels == 0) return WHYFRAME_OK;
    WHYFRAME_TRY(need_pointers({image, background, grad_out, grad_masks}));
    const auto *kept = static_cast<const T*>(image), *behind = static_cast<const T*>(background);
    const auto* grad = static_cast<const T*>(grad_out);
    const bool aligned = all_aligned<T>(pixels, {kept, behind, grad}) && all_aligned<float>(pixels, {grad_masks});
    const ImageShape shape{channels, pixels, layout == WHYFRAME_INTERLEAVED};
    const PerturbBackward<T> body{kept, behind, grad, grad_masks, masks_per_image, shape, aligned};
    return WHYFRAME_LAUNCHER.each(groups * masks_per_image * ceil_div(pixels, GROUP), body);
  });
}

WHYFRAME_ENTRY(perturb_ranked, const void* image, const void* background, int type, int layout,
               const int32_t* position, const int32_t* counts, void* out, int64_t masks, int64_t channels,
               int64_t pixels) {
  using namespace whyframe;
  WHYFRAME_TRY(need_not_negative({masks, channels, pixels}));
  if (!is_layout(layout)) return WHYFRAME_BAD_ENUM;
  return with_type(type, [&](auto tag) -> int {
    using T = typename decltype(tag)::type;
    if (masks * channels * pixels == 0) return WHYFRAME_OK;
    WHYFRAME_TRY(need_pointers({image, background, position, counts, out}));
    const auto *kept = static_cast<const T*>(image), *behind = static_cast<const T*>(background);
    auto* mixed = static_cast<T*>(out);
    const ImageShape shape{channels, pixels, layout == WHYFRAME_INTERLEAVED};
    const bool aligned = all_aligned<T>(channels * pixels, {kept, behind, mixed});
    const PerturbRanked<T> body{kept, behind, position, counts, mixed, masks, shape, aligned};
    return WHYFRAME_LAUNCHER.each(ceil_div(masks, PerturbRanked<T>::RUN) * ceil_div(channels * pixels, GROUP), body);
  });
}
