// Resampling of a video frame to the model's input, in one or in two passes.
//
// In one pass, a block first reduces the rows of an output row, then its columns, in float32. In two passes, the columns
// of each source row are reduced first and rounded to 8 bits, then the rows: each pixel is read once, however many taps
// the rows have, and the result is Pillow's.
#include <algorithm>

#include "frame_sources.h"

namespace whyframe {

struct Taps {
  const int32_t* start;
  const float* weight;
  int taps;
};

// The rows of the source that an output row is the weighted sum of.
struct WeightedRows {
  Taps rows;
  int height;

  WHYFRAME_DEVICE bool are_needed(int) const { return true; }

  template <class Source, class Sums>
  WHYFRAME_DEVICE void add(const Source& source, int y, int column, Sums& sums) const {
    for (int k = 0; k < rows.taps; ++k) {
      const auto row = static_cast<int>(clamp(static_cast<int64_t>(rows.start[y]) + k, 0, height - 1));
      source.add(row, column, rows.weight[static_cast<int64_t>(y) * rows.taps + k], sums);
    }
  }
};

// A single row of the source, for the first of two passes. `rows` are the taps of the second.
struct SingleRow {
  Taps rows;
  int count;

  WHYFRAME_DEVICE bool are_needed(int y) const {
    return y >= rows.start[0] && y < static_cast<int64_t>(rows.start[count - 1]) + rows.taps;
  }

  template <class Source, class Sums>
  WHYFRAME_DEVICE void add(const Source& source, int y, int column, Sums& sums) const {
    source.add(y, column, 1.0f, sums);
  }
};

// Added to the sums of two passes, so that halves are rounded up, as Pillow does, and not to even numbers.
constexpr float ROUND_UP = 1.0f / 4096;

// The pixels that a pass writes: as many channels as the source has, with the first and the third swapped or not; or
// their luma.
struct Pixels {
  uint8_t* first;
  int64_t pitch;
  bool swap, grey;
  float shift;  // of the levels before they are rounded

  WHYFRAME_DEVICE uint8_t luma(const float* sums) const {
    const float red = sums[swap ? 2 : 0], blue = sums[swap ? 0 : 2];
    return nearest<uint8_t>(0.299f * red + 0.587f * sums[1] + 0.114f * blue + shift);
  }
};

template <class Source, class Rows>
struct ReduceColumns {
  static constexpr int THREADS = 128;
  static constexpr int COLUMNS = 32;             // output columns of a block
  static constexpr int64_t MOST_COLUMNS = 1024;  // source columns in shared memory at a time
  static constexpr int CHANNELS = Source::CHANNELS;

  Source source;
  Rows rows;
  int width;
  Taps columns;
  int count;      // of the output columns
  int64_t chunk;  // source columns in shared memory at a time, a multiple of four
  Pixels out;

  WHYFRAME_HD int64_t tiles() const { return ceil_div(count, COLUMNS); }
  WHYFRAME_HD size_t bytes() const { return CHANNELS * (chunk + COLUMNS) * sizeof(float); }

  template <class TeamT>
  WHYFRAME_DEVICE void operator()(TeamT& team, int64_t block) const {
    const int y = static_cast<int>(block / tiles()), x = static_cast<int>(block % tiles()) * COLUMNS;
    if (!rows.are_needed(y)) return;
    const int outputs = static_cast<int>(smaller(COLUMNS, count - x));
    float *staged = team.memory(), *sums = staged + CHANNELS * chunk;
    team.each(CHANNELS * outputs, [&](int64_t i) { sums[i] = 0; });
    const int64_t low = clamp(columns.start[x], 0, width - 1) / GROUP * GROUP;
    const int64_t end = smaller(static_cast<int64_t>(columns.start[x + outputs - 1]) + columns.taps, width);
    for (int64_t first = low; first < end; first += chunk) {
      const int64_t staged_columns = smaller(chunk, end - first);
      team.each(ceil_div(staged_columns, GROUP), [&](int64_t quad) { stage(y, first, quad, staged); });
      team.sync();
      team.each(CHANNELS * outputs, [&](int64_t i) {
        sums[i] += over_columns(x + i / CHANNELS, i % CHANNELS, first, staged_columns, staged);
      });
      team.sync();
    }
    write(team, sums, y, x, outputs);
  }

 private:
  // Reduces the rows of an output row in four source columns.
  WHYFRAME_DEVICE void stage(int y, int64_t first, int64_t quad, float* staged) const {
    float sums[CHANNELS * GROUP] = {};
    rows.add(source, y, static_cast<int>(first + GROUP * quad), sums);
    auto* packs = reinterpret_cast<Pack<float>*>(staged) + CHANNELS * quad;
    for (int part = 0; part < CHANNELS; ++part) {
      for (int j = 0; j < GROUP; ++j) packs[part].at[j] = sums[GROUP * part + j];
    }
  }

  // The contribution of the `staged_columns` columns from `first` to a channel of output column x.
  WHYFRAME_DEVICE float over_columns(int64_t x, int64_t channel, int64_t first, int64_t staged_columns,
                                     const float* staged) const {
    const int64_t offset = columns.start[x] - first;  // of the first tap in the staged columns
    const int64_t end = smaller(columns.taps, staged_columns - offset);
    float sum = 0;
    for (int64_t k = offset < 0 ? -offset : 0; k < end; ++k) {
      sum += columns.weight[x * columns.taps + k] * staged[CHANNELS * (offset + k) + channel];
    }
    return sum;
  }

  template <class TeamT>
  WHYFRAME_DEVICE void write(TeamT& team, const float* sums, int y, int x, int outputs) const {
    uint8_t* row = out.first + y * out.pitch;
    if (out.grey) {
      team.sync();  // a pixel's sums belong to several threads
      team.each(outputs, [&](int64_t i) { row[x + i] = out.luma(sums + CHANNELS * i); });
      return;
    }
    uint8_t* written = row + static_cast<int64_t>(CHANNELS) * x;
    team.each(CHANNELS * outputs, [&](int64_t i) {
      const int64_t channel = i % CHANNELS;
      written[out.swap && channel < 3 ? i - channel + 2 - channel : i] = nearest<uint8_t>(sums[i] + out.shift);
    });
  }
};

// The second of two passes, over the rows of the first. An item is four bytes of an output row.
struct ReduceRows {
  const uint8_t* from;
  int64_t from_pitch;
  int height;
  Taps rows;
  uint8_t* to;
  int64_t to_pitch;
  int64_t bytes;  // of an output row
  bool aligned, aligned_out;

  WHYFRAME_HD int64_t groups() const { return ceil_div(bytes, GROUP); }

  WHYFRAME_DEVICE void operator()(int64_t item) const {
    const int64_t y = item / groups(), first = item % groups() * GROUP, count = smaller(GROUP, bytes - first);
    float sums[GROUP] = {};
    for (int k = 0; k < rows.taps; ++k) {
      const float weight = rows.weight[y * rows.taps + k];
      const int64_t row = clamp(static_cast<int64_t>(rows.start[y]) + k, 0, height - 1);
      const Pack<uint8_t> values = load_group(from + row * from_pitch + first, count, aligned);
      for (int j = 0; j < GROUP; ++j) sums[j] += weight * values.at[j];
    }
    Pack<uint8_t> levels;
    for (int j = 0; j < GROUP; ++j) levels.at[j] = nearest<uint8_t>(sums[j] + ROUND_UP);
    store_group(to + y * to_pitch + first, levels, count, aligned_out);
  }
};

// Divides the colours of the content by alpha / 255 and rounds them down, as Pillow does. An item is a pixel.
struct DivideByAlpha {
  uint8_t* to;
  int64_t pitch;
  int columns;

  WHYFRAME_DEVICE void operator()(int64_t item) const {
    uint8_t* pixel = to + item / columns * pitch + item % columns * 4;
    const int alpha = pixel[3];
    if (alpha == 0) return;
    for (int j = 0; j < 3; ++j) pixel[j] = static_cast<uint8_t>(smaller(255 * pixel[j] / alpha, 255));
  }
};

// Part of the model's input that holds the frame.
struct Content {
  int first_row, first_column, rows, columns;

  WHYFRAME_HD bool covers(int height, int width) const { return rows == height && columns == width; }
  WHYFRAME_DEVICE bool has(int64_t row, int64_t column) const {
    return row >= first_row && row - first_row < rows && column >= first_column && column - first_column < columns;
  }
};

// Sets the pixels around the content. Byte c of `fill` is the level of channel c.
struct FillBorder {
  uint8_t* out;
  int width, channels;
  Content content;
  uint32_t fill;

  WHYFRAME_DEVICE void operator()(int64_t pixel) const {
    if (content.has(pixel / width, pixel % width)) return;
    for (int channel = 0; channel < channels; ++channel) {
      out[pixel * channels + channel] = static_cast<uint8_t>(fill >> 8 * channel);
    }
  }
};

inline int64_t scratch_pitch(int columns, int channels) {
  return ceil_div(static_cast<int64_t>(columns) * channels, GROUP) * GROUP;
}

inline bool is_weighted(int format) { return format == WHYFRAME_BGRA_WEIGHTED || format == WHYFRAME_RGBA_WEIGHTED; }
inline bool has_alpha(int format) { return format >= WHYFRAME_BGRA; }
inline bool is_blue_first(int format) {
  return format == WHYFRAME_BGR || format == WHYFRAME_BGRA || format == WHYFRAME_BGRA_WEIGHTED;
}

inline int check_frame(int64_t pitch0, int64_t pitch1, int height, int width, int format, int matrix, int channels) {
  if (format < WHYFRAME_BGR || format > WHYFRAME_RGBA_WEIGHTED) return WHYFRAME_BAD_ENUM;
  if (matrix != WHYFRAME_BT601 && matrix != WHYFRAME_BT709) return WHYFRAME_BAD_ENUM;
  WHYFRAME_TRY(need_positive({height, width}));
  const bool planes = format == WHYFRAME_NV12;
  const int64_t bytes = planes ? 1 : (has_alpha(format) ? 4 : 3);
  if (pitch0 < bytes * width || (planes && pitch1 < ceil_div(width, 2) * 2)) return WHYFRAME_BAD_SIZE;
  if (channels != 1 && channels != 3 && channels != 4) return WHYFRAME_UNSUPPORTED;
  return has_alpha(format) == (channels == 4) ? WHYFRAME_OK : WHYFRAME_UNSUPPORTED;
}

inline int check_content(const Content& content, int height, int width) {
  WHYFRAME_TRY(need_not_negative({height, width, content.first_row, content.first_column, content.rows,
                                  content.columns}));
  const bool inside = content.first_row <= height - content.rows && content.first_column <= width - content.columns;
  return inside ? WHYFRAME_OK : WHYFRAME_BAD_SIZE;
}

// The source columns of a block, if the window is the complete frame; at most as many as shared memory holds.
inline int64_t chunk_of(int width, int columns, int taps, int64_t outputs, int64_t most) {
  const int64_t span = ceil_div(outputs * width, columns) + taps + GROUP;
  return std::min(ceil_div(span, GROUP) * GROUP, most);
}

struct Resampling {
  Taps rows, columns;
  Content content;
  int height, width;
  bool swap, grey;

  template <class Launch, class Source, class Rows>
  int reduce_columns(const Launch& launcher, const Source& source, const Rows& from, int64_t lines,
                     const Pixels& to) const {
    using Body = ReduceColumns<Source, Rows>;
    const int64_t chunk = chunk_of(width, content.columns, columns.taps, Body::COLUMNS, Body::MOST_COLUMNS);
    const Body body{source, from, width, columns, content.columns, chunk, to};
    return launcher.teams(lines * body.tiles(), body.bytes(), body);
  }

  // Resamples to rows of `pitch` bytes from `to` on; in two passes, if there is scratch memory.
  template <class Launch, class Source>
  int run(const Launch& launcher, const Source& source, uint8_t* scratch, uint8_t* to, int64_t pitch) const {
    if (scratch == nullptr) {
      const Pixels pixels{to, pitch, swap, grey, 0};
      return reduce_columns(launcher, source, WeightedRows{rows, height}, content.rows, pixels);
    }
    const int channels = grey ? 1 : Source::CHANNELS;
    const int64_t between = scratch_pitch(content.columns, channels);
    const SingleRow single{rows, content.rows};
    WHYFRAME_TRY(reduce_columns(launcher, source, single, height, Pixels{scratch, between, swap, grey, ROUND_UP}));
    const int64_t bytes = static_cast<int64_t>(content.columns) * channels;
    const ReduceRows body{scratch, between, height, rows, to, pitch, bytes, rows_are_aligned(scratch, between),
                          rows_are_aligned(to, pitch)};
    return launcher.each(content.rows * body.groups(), body);
  }
};

}  // namespace whyframe

WHYFRAME_QUERY(frame_scratch_bytes, int height, int columns, int channels) {
  WHYFRAME_TRY(whyframe::need_not_negative({height, columns, channels}));
  return height * whyframe::scratch_pitch(columns, channels);
}

WHYFRAME_ENTRY(frame_to_tensor, const uint8_t* plane0, int64_t pitch0, const uint8_t* plane1, int64_t pitch1,
               int height, int width, int format, int matrix, int full_range, const int32_t* row_start,
               const float* row_weight, int row_taps, const int32_t* column_start, const float* column_weight,
               int column_taps, uint8_t* scratch, uint8_t* out, int out_height, int out_width, int channels,
               int first_row, int first_column, int rows, int columns, int fill) {
  using namespace whyframe;
  const Content content{first_row, first_column, rows, columns};
  WHYFRAME_TRY(check_frame(pitch0, pitch1, height, width, format, matrix, channels));
  WHYFRAME_TRY(check_content(content, out_height, out_width));
  if (out_height == 0 || out_width == 0) return WHYFRAME_OK;
  WHYFRAME_TRY(need_pointers({out}));
  const auto launcher = WHYFRAME_LAUNCHER;
  if (!content.covers(out_height, out_width)) {
    const FillBorder border{out, out_width, channels, content, static_cast<uint32_t>(fill)};
    WHYFRAME_TRY(launcher.each(static_cast<int64_t>(out_height) * out_width, border));
  }
  if (rows == 0 || columns == 0) return WHYFRAME_OK;
  WHYFRAME_TRY(need_positive({row_taps, column_taps}));
  WHYFRAME_TRY(need_pointers({plane0, row_start, row_weight, column_start, column_weight}));
  const Resampling resampling{{row_start, row_weight, row_taps}, {column_start, column_weight, column_taps},
                              content, height, width, is_blue_first(format), channels == 1};
  const int64_t pitch = static_cast<int64_t>(out_width) * channels;
  uint8_t* to = out + first_row * pitch + static_cast<int64_t>(first_column) * channels;
  const auto run = [&](auto source) { return resampling.run(launcher, source, scratch, to, pitch); };
  const bool words = rows_are_aligned(plane0, pitch0);
  if (is_weighted(format)) {
    WHYFRAME_TRY(run(Interleaved<4, true>{plane0, pitch0, width, words}));
    return launcher.each(static_cast<int64_t>(rows) * columns, DivideByAlpha{to, pitch, columns});
  }
  if (has_alpha(format)) return run(Interleaved<4>{plane0, pitch0, width, words});
  if (format != WHYFRAME_NV12) return run(Interleaved<3>{plane0, pitch0, width, words});
  WHYFRAME_TRY(need_pointers({plane1}));
  const bool both = words && rows_are_aligned(plane1, pitch1);
  return run(Nv12{plane0, pitch0, plane1, pitch1, width, both, colour_matrix(matrix, full_range != 0)});
}
