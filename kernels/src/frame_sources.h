// The pixel formats of a frame, with an interface that is the same for all.
#pragma once

#include "elements.h"
#include "whyframe_kernels.h"

namespace whyframe {

// Interleaved frame. `add` adds four pixels of a row, times a weight, to sums. Columns after the last repeat it.
// WEIGHTED multiplies the colours by alpha / 255 and rounds them, as Pillow does; a part is then one pixel.
template <int COUNT, bool WEIGHTED = false>
struct Interleaved {
  static_assert(!WEIGHTED || COUNT == GROUP, "alpha is the fourth channel");
  static constexpr int CHANNELS = COUNT;

  const uint8_t* plane;
  int64_t pitch;
  int width;
  bool words;  // whether rows are aligned for groups of four

  WHYFRAME_DEVICE void add(int row, int column, float weight, float (&sums)[CHANNELS * GROUP]) const {
    const uint8_t* start = plane + row * pitch;
    for (int part = 0; part < CHANNELS; ++part) {
      Pack<uint8_t> bytes = load(start, column, part);
      if (WEIGHTED) {
        for (int j = 0; j < 3; ++j) bytes.at[j] = weighted(bytes.at[j], bytes.at[3]);
      }
      for (int j = 0; j < GROUP; ++j) sums[GROUP * part + j] += weight * bytes.at[j];
    }
  }

 private:
  WHYFRAME_DEVICE static uint8_t weighted(uint8_t level, uint8_t alpha) {
    const int product = level * alpha + 128;
    return static_cast<uint8_t>((product + (product >> 8)) >> 8);
  }

  // Loads bytes 4 part to 4 part + 3 of the bytes of four pixels.
  WHYFRAME_DEVICE Pack<uint8_t> load(const uint8_t* start, int column, int part) const {
    if (words && column + GROUP <= width) return load_group(start + CHANNELS * column + GROUP * part, GROUP, true);
    Pack<uint8_t> bytes;
    for (int j = 0; j < GROUP; ++j) {
      const int byte = GROUP * part + j;
      bytes.at[j] = start[CHANNELS * smaller(column + byte / CHANNELS, width - 1) + byte % CHANNELS];
    }
    return bytes;
  }
};

// Coefficients from (Y - black) and the chroma differences to RGB in [0, 255].
struct ColourMatrix {
  float black, luma, red_v, green_u, green_v, blue_u;
};

// NV12 frame with the same interface as Interleaved.
struct Nv12 {
  static constexpr int CHANNELS = 3;

  const uint8_t* luma;
  int64_t luma_pitch;
  const uint8_t* chroma;
  int64_t chroma_pitch;
  int width;
  bool words;
  ColourMatrix matrix;

  WHYFRAME_DEVICE void add(int row, int column, float weight, float (&sums)[3 * GROUP]) const {
    const uint8_t *y_row = luma + row * luma_pitch, *uv_row = chroma + row / 2 * chroma_pitch;
    const bool vector = words && column + GROUP <= width;
    Pack<uint8_t> y, uv;
    if (vector) {
      y = load_group(y_row + column, GROUP, true);
      uv = load_group(uv_row + column, GROUP, true);  // two pairs, because `column` is even
    }
    for (int j = 0; j < GROUP; ++j) {
      const int64_t pixel = smaller(column + j, width - 1), pair = pixel / 2 * 2;
      if (vector) {
        mix(y.at[j], uv.at[j / 2 * 2], uv.at[j / 2 * 2 + 1], weight, sums + 3 * j);
      } else {
        mix(y_row[pixel], uv_row[pair], uv_row[pair + 1], weight, sums + 3 * j);
      }
    }
  }

 private:
  WHYFRAME_DEVICE void mix(uint8_t y, uint8_t u, uint8_t v, float weight, float* sums) const {
    const float grey = matrix.luma * (y - matrix.black), blue = u - 128.0f, red = v - 128.0f;
    sums[0] += weight * level(grey + matrix.red_v * red);
    sums[1] += weight * level(grey + matrix.green_u * blue + matrix.green_v * red);
    sums[2] += weight * level(grey + matrix.blue_u * blue);
  }

  WHYFRAME_DEVICE static float level(float value) { return fminf(fmaxf(value, 0.0f), 255.0f); }
};

inline ColourMatrix colour_matrix(int matrix, bool full_range) {
  const double red = matrix == WHYFRAME_BT601 ? 0.299 : 0.2126, blue = matrix == WHYFRAME_BT601 ? 0.114 : 0.0722;
  const double green = 1 - red - blue, luma = full_range ? 1 : 255.0 / 219, chroma = full_range ? 1 : 255.0 / 224;
  const double red_v = 2 * (1 - red) * chroma, blue_u = 2 * (1 - blue) * chroma;
  return {full_range ? 0.0f : 16.0f,
          static_cast<float>(luma),
          static_cast<float>(red_v),
          static_cast<float>(-blue_u * blue / green),
          static_cast<float>(-red_v * red / green),
          static_cast<float>(blue_u)};
}

inline bool rows_are_aligned(const uint8_t* plane, int64_t pitch) {
  return reinterpret_cast<uintptr_t>(plane) % GROUP == 0 && pitch % GROUP == 0;
}

}  // namespace whyframe
