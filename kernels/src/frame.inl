// Resampling of a video frame to the model's input. A block first reduces the rows of an output row, then its columns.

namespace whyframe {

// Interleaved frame. `add` adds four pixels of a row, times a weight, to sums. Columns after the last repeat it.
struct Interleaved {
  const uint8_t* plane;
  int64_t pitch;
  int width;
  bool words;  // whether rows are aligned for groups of four

  WHYFRAME_DEVICE void add(int row, int column, float weight, float (&sums)[3 * GROUP]) const {
    const uint8_t* start = plane + row * pitch;
    for (int part = 0; part < 3; ++part) {
      const Pack<uint8_t> bytes = load(start, column, part);
      for (int j = 0; j < GROUP; ++j) sums[GROUP * part + j] += weight * bytes.at[j];
    }
  }

 private:
  // Loads bytes 4 part to 4 part + 3 of the twelve bytes of four pixels.
  WHYFRAME_DEVICE Pack<uint8_t> load(const uint8_t* start, int column, int part) const {
    if (words && column + GROUP <= width) return load_group(start + 3 * column + GROUP * part, GROUP, true);
    Pack<uint8_t> bytes;
    for (int j = 0; j < GROUP; ++j) {
      const int byte = GROUP * part + j;
      bytes.at[j] = start[3 * smaller(column + byte / 3, width - 1) + byte % 3];
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

struct Taps {
  const int32_t* start;
  const float* weight;
  int taps;
};

template <class Source>
struct FrameToTensor {
  static constexpr int THREADS = 128;
  static constexpr int COLUMNS = 32;  // output columns of a block
  static constexpr int CHUNK = 1024;  // source columns in shared memory at a time
  static constexpr size_t BYTES = (3 * CHUNK + 3 * COLUMNS) * sizeof(float);

  Source source;
  int height, width;
  bool swap;
  Taps rows, columns;
  uint8_t* out;
  int side;

  WHYFRAME_DEVICE int64_t tiles() const { return ceil_div(side, COLUMNS); }

  template <class TeamT>
  WHYFRAME_DEVICE void operator()(TeamT& team, int64_t block) const {
    const int y = static_cast<int>(block / tiles()), x = static_cast<int>(block % tiles()) * COLUMNS;
    const int outputs = static_cast<int>(smaller(COLUMNS, side - x));
    float *staged = team.memory(), *sums = staged + 3 * CHUNK;
    team.each(3 * outputs, [&](int64_t i) { sums[i] = 0; });
    const int64_t low = clamp(columns.start[x], 0, width - 1) / GROUP * GROUP;
    const int64_t end = smaller(static_cast<int64_t>(columns.start[x + outputs - 1]) + columns.taps, width);
    for (int64_t first = low; first < end; first += CHUNK) {
      const int64_t count = smaller(CHUNK, end - first);
      team.each(ceil_div(count, GROUP), [&](int64_t quad) { stage(y, first, quad, staged); });
      team.sync();
      team.each(3 * outputs, [&](int64_t i) {
        sums[i] += over_columns(x + i / 3, i % 3, first, count, staged);
      });
      team.sync();
    }
    uint8_t* written = out + 3 * (static_cast<int64_t>(y) * side + x);
    team.each(3 * outputs, [&](int64_t i) {
      written[swap ? i - i % 3 + 2 - i % 3 : i] = nearest<uint8_t>(sums[i]);
    });
  }

 private:
  // Reduces the rows of an output row in four source columns.
  WHYFRAME_DEVICE void stage(int y, int64_t first, int64_t quad, float* staged) const {
    float sums[3 * GROUP] = {};
    for (int k = 0; k < rows.taps; ++k) {
      const auto row = static_cast<int>(clamp(static_cast<int64_t>(rows.start[y]) + k, 0, height - 1));
      const float weight = rows.weight[static_cast<int64_t>(y) * rows.taps + k];
      source.add(row, static_cast<int>(first + GROUP * quad), weight, sums);
    }
    auto* packs = reinterpret_cast<Pack<float>*>(staged) + 3 * quad;
    for (int part = 0; part < 3; ++part) {
      for (int j = 0; j < GROUP; ++j) packs[part].at[j] = sums[GROUP * part + j];
    }
  }

  // The contribution of the `count` staged columns from `first` to a channel of output column x.
  WHYFRAME_DEVICE float over_columns(int64_t x, int64_t channel, int64_t first, int64_t count,
                                     const float* staged) const {
    const int64_t offset = columns.start[x] - first;  // of the first tap in the staged columns
    const int64_t end = smaller(columns.taps, count - offset);
    float sum = 0;
    for (int64_t k = offset < 0 ? -offset : 0; k < end; ++k) {
      sum += columns.weight[x * columns.taps + k] * staged[3 * (offset + k) + channel];
    }
    return sum;
  }
};

inline bool rows_are_aligned(const uint8_t* plane, int64_t pitch) {
  return reinterpret_cast<uintptr_t>(plane) % GROUP == 0 && pitch % GROUP == 0;
}

inline int check_frame(int64_t pitch0, int64_t pitch1, int height, int width, int format, int matrix, int row_taps,
                       int column_taps, int side) {
  if (format != WHYFRAME_BGR && format != WHYFRAME_RGB && format != WHYFRAME_NV12) return WHYFRAME_BAD_ENUM;
  if (matrix != WHYFRAME_BT601 && matrix != WHYFRAME_BT709) return WHYFRAME_BAD_ENUM;
  WHYFRAME_TRY(need_not_negative({side}));
  WHYFRAME_TRY(need_positive({height, width, row_taps, column_taps}));
  const bool planes = format == WHYFRAME_NV12;
  if (pitch0 < (planes ? 1 : 3) * static_cast<int64_t>(width)) return WHYFRAME_BAD_SIZE;
  return planes && pitch1 < ceil_div(width, 2) * 2 ? WHYFRAME_BAD_SIZE : WHYFRAME_OK;
}

}  // namespace whyframe

WHYFRAME_ENTRY(frame_to_tensor, const uint8_t* plane0, int64_t pitch0, const uint8_t* plane1, int64_t pitch1,
               int height, int width, int format, int matrix, int full_range, const int32_t* row_start,
               const float* row_weight, int row_taps, const int32_t* column_start, const float* column_weight,
               int column_taps, uint8_t* out, int side) {
  using namespace whyframe;
  WHYFRAME_TRY(check_frame(pitch0, pitch1, height, width, format, matrix, row_taps, column_taps, side));
  if (side == 0) return WHYFRAME_OK;
  WHYFRAME_TRY(need_pointers({plane0, row_start, row_weight, column_start, column_weight, out}));
  const Taps rows{row_start, row_weight, row_taps}, columns{column_start, column_weight, column_taps};
  const auto run = [&](auto source) {
    using Body = FrameToTensor<decltype(source)>;
    const Body body{source, height, width, format == WHYFRAME_BGR, rows, columns, out, side};
    return WHYFRAME_LAUNCHER.teams(side * ceil_div(side, Body::COLUMNS), Body::BYTES, body);
  };
  if (format != WHYFRAME_NV12) return run(Interleaved{plane0, pitch0, width, rows_are_aligned(plane0, pitch0)});
  WHYFRAME_TRY(need_pointers({plane1}));
  const bool words = rows_are_aligned(plane0, pitch0) && rows_are_aligned(plane1, pitch1);
  return run(Nv12{plane0, pitch0, plane1, pitch1, width, words, colour_matrix(matrix, full_range != 0)});
}
