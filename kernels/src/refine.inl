// Post-hoc refinement of masks (Fu et al. 2022, section 3.2.1) without the classifier: blur, upsample, rank, refine.
//
// The including file defines the sort:
//   int64_t sort_bytes(int64_t count): returns scratch bytes, or a negative code
//   int sort_pairs(Launcher, void* scratch, int64_t bytes, const uint64_t* keys, uint64_t* sorted_keys,
//                  const int32_t* values, int32_t* sorted_values, int64_t count): sorts stably in ascending order
#include "bilinear.h"

namespace whyframe {

WHYFRAME_DEVICE int64_t reflect(int64_t index, int64_t size) {
  if (size == 1) return 0;
  while (index < 0 || index >= size) index = index < 0 ? -index : 2 * (size - 1) - index;
  return index;
}

// The blur along an axis of `size` samples, which are `step` elements apart.
template <class From, class To>
struct BlurAxis {
  const From* from;
  To* to;
  const float* kernel;
  int radius;
  int64_t size, step;

  WHYFRAME_DEVICE void operator()(int64_t element) const {
    const int64_t index = element / step % size;
    const From* line = from + element - index * step;
    float sum = 0;
    if (index >= radius && index + radius < size) {
      for (int k = -radius; k <= radius; ++k) sum += kernel[k + radius] * to_float(line[(index + k) * step]);
    } else {
      for (int k = -radius; k <= radius; ++k) {
        sum += kernel[k + radius] * to_float(line[reflect(index + k, size) * step]);
      }
    }
    to[element] = nearest<To>(sum);
  }
};

struct Upsample {
  const float* mask;
  int mask_height, mask_width;
  float* scores;
  int height, width;

  WHYFRAME_DEVICE void operator()(int64_t pixel) const {
    const LinearSample y(pixel / width, height, mask_height), x(pixel % width, width, mask_width);
    const float *above = mask + static_cast<int64_t>(y.low) * mask_width,
                *below = mask + static_cast<int64_t>(y.high) * mask_width;
    scores[pixel] = y.mix(x.mix(above[x.low], above[x.high]), x.mix(below[x.low], below[x.high]));
  }
};

// a + b * c with two roundings. A fused operation would rank some pixels differently from the numpy reference.
WHYFRAME_DEVICE double add_product(double a, double b, double c) {
#ifdef __CUDACC__
  return __dadd_rn(a, __dmul_rn(b, c));
#else
  return a + b * c;  // compiled with -ffp-contract=off
#endif
}

// Maps keys to integers in descending order. NaN comes last.
WHYFRAME_DEVICE uint64_t falling(double key) {
  constexpr uint64_t sign = 1ull << 63;
  if (key != key) return ~0ull;
  const double unsigned_zero = key + 0.0;  // -0 is equal to 0
  uint64_t bits;
  memcpy(&bits, &unsigned_zero, sizeof(bits));
  return bits & sign ? bits : ~(bits | sign);
}

struct RankKeys {
  const float* scores;
  const float* blurred;
  uint64_t* keys;
  int32_t* pixels;

  WHYFRAME_DEVICE void operator()(int64_t pixel) const {
    keys[pixel] = falling(add_product(scores[pixel], 1e-6, blurred[pixel]));
    pixels[pixel] = static_cast<int32_t>(pixel);
  }
};

struct Positions {
  const int32_t* order;
  int32_t* position;

  WHYFRAME_DEVICE void operator()(int64_t rank) const { position[order[rank]] = static_cast<int32_t>(rank); }
};

// Bytes of keys, sorted keys and pixels. The scratch memory of the sort follows them.
constexpr int64_t rank_bytes(int64_t pixels) { return ceil_div(pixels * (8 + 8 + 4), 256) * 256; }

struct Refine {
  static constexpr int THREADS = 256;
  static constexpr int64_t PIXELS = 1024;  // in a block
  static constexpr float EPSILON = 1e-3f;

  const float* scores;
  const int32_t* position;
  const float* curve;
  const int32_t* counts;
  int steps;
  int64_t pixels;
  float* out;

  template <class TeamT>
  WHYFRAME_DEVICE void operator()(TeamT& team, int64_t block) const {
    float* rising = team.memory();
    team.each(1, [&](int64_t) {
      rising[0] = curve[0];
      for (int i = 1; i <= steps; ++i) rising[i] = fmaxf(rising[i - 1], curve[i]);
    });
    team.sync();
    const int64_t first = block * PIXELS;
    team.each(smaller(PIXELS, pixels - first), [&](int64_t i) {
      out[first + i] = scores[first + i] * weight(rising, position[first + i] + 1);
    });
  }

 private:
  // Computed in float64, because small differences of the curve are divided by a small range.
  WHYFRAME_DEVICE float weight(const float* rising, int32_t rank) const {
    const double top = rising[steps], gain = top - rising[0];
    if (!(gain > 0)) return 1;
    return static_cast<float>(((top - at(rising, rank)) / gain + EPSILON) / (1.0 + EPSILON));
  }

  // The curve at `rank` pixels.
  WHYFRAME_DEVICE double at(const float* rising, int32_t rank) const {
    int low = 0, high = steps + 1;  // counts[low] <= rank < counts[high]
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (counts[middle] <= rank ? low : high) = middle;
    }
    if (low == steps) return rising[steps];
    const double slope = (static_cast<double>(rising[low + 1]) - rising[low]) / (counts[low + 1] - counts[low]);
    return rising[low] + slope * (rank - counts[low]);
  }
};

}  // namespace whyframe

WHYFRAME_QUERY(blur_scratch_bytes, int64_t images, int64_t channels, int64_t height, int64_t width) {
  WHYFRAME_TRY(whyframe::need_not_negative({images, channels, height, width}));
  return images * channels * height * width * static_cast<int64_t>(sizeof(float));
}

WHYFRAME_ENTRY(blur, const void* image, int type, int layout, float* scratch, void* out, int64_t images,
               int64_t channels, int64_t height, int64_t width, const float* kernel, int radius) {
  using namespace whyframe;
  WHYFRAME_TRY(need_not_negative({images, channels, height, width, radius}));
  if (!is_layout(layout)) return WHYFRAME_BAD_ENUM;
  return with_type(type, [&](auto tag) -> int {
    using T = typename decltype(tag)::type;
    const int64_t elements = images * channels * height * width;
    if (elements == 0) return WHYFRAME_OK;
    WHYFRAME_TRY(need_pointers({image, scratch, out, kernel}));
    const int64_t step = layout == WHYFRAME_INTERLEAVED ? channels : 1;
    const BlurAxis<T, float> along{static_cast<const T*>(image), scratch, kernel, radius, width, step};
    const BlurAxis<float, T> down{scratch, static_cast<T*>(out), kernel, radius, height, width * step};
    const auto launcher = WHYFRAME_LAUNCHER;
    WHYFRAME_TRY(launcher.each(elements, along));
    return launcher.each(elements, down);
  });
}

WHYFRAME_ENTRY(upsample, const float* mask, int mask_height, int mask_width, float* scores, int height, int width) {
  using namespace whyframe;
  WHYFRAME_TRY(need_not_negative({height, width}));
  WHYFRAME_TRY(need_positive({mask_height, mask_width}));
  const int64_t pixels = static_cast<int64_t>(height) * width;
  if (pixels == 0) return WHYFRAME_OK;
  WHYFRAME_TRY(need_pointers({mask, scores}));
  return WHYFRAME_LAUNCHER.each(pixels, Upsample{mask, mask_height, mask_width, scores, height, width});
}

WHYFRAME_QUERY(rank_scratch_bytes, int64_t pixels) {
  using namespace whyframe;
  WHYFRAME_TRY(need_not_negative({pixels}));
  if (pixels > INT32_MAX) return WHYFRAME_UNSUPPORTED;
  const int64_t bytes = sort_bytes(pixels);
  return bytes < 0 ? bytes : rank_bytes(pixels) + bytes;
}

WHYFRAME_ENTRY(rank, const float* scores, const float* blurred, int32_t* position, int32_t* order, void* scratch,
               int64_t scratch_bytes, int height, int width) {
  using namespace whyframe;
  WHYFRAME_TRY(need_not_negative({height, width, scratch_bytes}));
  const int64_t pixels = static_cast<int64_t>(height) * width;
  if (pixels > INT32_MAX) return WHYFRAME_UNSUPPORTED;
  if (pixels == 0) return WHYFRAME_OK;
  WHYFRAME_TRY(need_pointers({scores, blurred, position, order, scratch}));
  if (scratch_bytes < rank_bytes(pixels)) return WHYFRAME_SMALL_SCRATCH;
  auto* keys = static_cast<uint64_t*>(scratch);
  auto* sorted = keys + pixels;
  auto* unsorted = reinterpret_cast<int32_t*>(sorted + pixels);
  void* sort_scratch = static_cast<char*>(scratch) + rank_bytes(pixels);
  const auto launcher = WHYFRAME_LAUNCHER;
  WHYFRAME_TRY(launcher.each(pixels, RankKeys{scores, blurred, keys, unsorted}));
  const int64_t sort_scratch_bytes = scratch_bytes - rank_bytes(pixels);
  WHYFRAME_TRY(sort_pairs(launcher, sort_scratch, sort_scratch_bytes, keys, sorted, unsorted, order, pixels));
  return launcher.each(pixels, Positions{order, position});
}

WHYFRAME_ENTRY(refine, const float* scores, const int32_t* position, const float* curve, const int32_t* counts,
               int steps, int64_t pixels, float* out) {
  using namespace whyframe;
  WHYFRAME_TRY(need_not_negative({pixels}));
  WHYFRAME_TRY(need_positive({steps}));
  if (steps > 4095) return WHYFRAME_UNSUPPORTED;
  if (pixels == 0) return WHYFRAME_OK;
  WHYFRAME_TRY(need_pointers({scores, position, curve, counts, out}));
  const Refine body{scores, position, curve, counts, steps, pixels, out};
  return WHYFRAME_LAUNCHER.teams(ceil_div(pixels, Refine::PIXELS), (steps + 1) * sizeof(float), body);
}
