// Drawing the map on its frame: a block draws a stretch of one row.
#include "bilinear.h"

namespace whyframe {

struct Window {
  int top, left, height, width;

  WHYFRAME_DEVICE bool has_row(int64_t y) const { return y >= top && y - top < height; }
  WHYFRAME_DEVICE bool has_column(int64_t x) const { return x >= left && x - left < width; }
};

// The mask that is drawn: this frame's, or its mean with those before.
struct SmoothedMask {
  const float* mask;
  const float* state;
  float momentum;

  WHYFRAME_DEVICE float at(int64_t place) const {
    if (state == nullptr) return mask[place];
    return momentum * state[place] + (1 - momentum) * mask[place];
  }
};

struct DrawOverlay {
  static constexpr int THREADS = 256;
  static constexpr int64_t PIXELS = 1024;   // of a block
  static constexpr int WIDEST_MASK = 8192;  // a row of it is held in shared memory

  SmoothedMask mask;
  int mask_height, mask_width;
  const uint8_t* frame;
  int64_t frame_pitch;
  int height, width;
  Window window;
  const uint8_t* colours;
  const uint8_t* keep;
  uint8_t* out;
  int64_t out_pitch;
  float* state_out;

  WHYFRAME_HD int64_t stretches() const { return ceil_div(width, PIXELS); }

  template <class TeamT>
  WHYFRAME_DEVICE void operator()(TeamT& team, int64_t block) const {
    const int64_t y = block / stretches(), x = block % stretches() * PIXELS;
    const int64_t pixels = smaller(PIXELS, width - x), bytes = 3 * pixels;
    float* line = team.memory();
    auto* scores = reinterpret_cast<uint8_t*>(line + mask_width);
    const bool covered = window.has_row(y);
    if (covered) {
      const Between rows(y - window.top, window.height, mask_height);
      team.each(mask_width, [&](int64_t j) { line[j] = rows.mix(mask_at(rows.low, j), mask_at(rows.high, j)); });
    }
    save_state(team, block);
    team.sync();
    team.each(pixels, [&](int64_t i) { scores[i] = covered ? score(line, x + i) : 0; });
    team.sync();
    const uint8_t* from = frame + y * frame_pitch + 3 * x;
    uint8_t* to = out + y * out_pitch + 3 * x;
    const bool words = is_aligned(from), words_out = is_aligned(to);
    team.each(ceil_div(bytes, GROUP), [&](int64_t group) {
      const int64_t first = group * GROUP, count = smaller(GROUP, bytes - first);
      const Pack<uint8_t> seen = load_group(from + first, count, words);
      Pack<uint8_t> drawn;
      for (int j = 0; j < GROUP; ++j) {
        const int place = static_cast<int>(smaller(first + j, bytes - 1));
        drawn.at[j] = blend(seen.at[j], scores[place / 3], place % 3);
      }
      store_group(to + first, drawn, count, words_out);
    });
  }

 private:
  WHYFRAME_DEVICE float mask_at(int64_t row, int64_t column) const { return mask.at(row * mask_width + column); }

  // The score of a pixel of this row, in 255ths.
  WHYFRAME_DEVICE uint8_t score(const float* line, int64_t x) const {
    if (!window.has_column(x)) return 0;
    const Between columns(x - window.left, window.width, mask_width);
    return nearest<uint8_t>(255 * columns.mix(line[columns.low], line[columns.high]));
  }

  WHYFRAME_DEVICE uint8_t blend(int seen, int score, int channel) const {
    // Nearest without a tie: 255 is odd, so a product is never halfway between two of its multiples.
    const int kept = (seen * keep[score] + 127) / 255;
    return static_cast<uint8_t>(smaller(kept + colours[3 * score + channel], 255));
  }

  // The blocks share the mask's entries out among themselves.
  template <class TeamT>
  WHYFRAME_DEVICE void save_state(TeamT& team, int64_t block) const {
    if (state_out == nullptr) return;
    const int64_t entries = static_cast<int64_t>(mask_height) * mask_width;
    const int64_t share = ceil_div(entries, height * stretches()), first = block * share;
    team.each(smaller(share, entries - first), [&](int64_t i) { state_out[first + i] = mask.at(first + i); });
  }
};

inline int check_overlay(int mask_height, int mask_width, int64_t frame_pitch, int height, int width,
                         const Window& window, int64_t out_pitch) {
  WHYFRAME_TRY(need_not_negative({height, width, window.top, window.left}));
  WHYFRAME_TRY(need_positive({mask_height, mask_width, window.height, window.width}));
  const int64_t row = 3 * static_cast<int64_t>(width);
  if (frame_pitch < row || out_pitch < row) return WHYFRAME_BAD_SIZE;
  const bool inside = window.top <= height - window.height && window.left <= width - window.width;
  return inside || height == 0 || width == 0 ? WHYFRAME_OK : WHYFRAME_BAD_SIZE;
}

}  // namespace whyframe

WHYFRAME_ENTRY(overlay, const float* mask, int mask_height, int mask_width, const uint8_t* frame, int64_t frame_pitch,
               int height, int width, int window_top, int window_left, int window_height, int window_width,
               const uint8_t* colours, const uint8_t* keep, uint8_t* out, int64_t out_pitch, const float* state_in,
               float* state_out, float momentum) {
  using namespace whyframe;
  const Window window{window_top, window_left, window_height, window_width};
  WHYFRAME_TRY(check_overlay(mask_height, mask_width, frame_pitch, height, width, window, out_pitch));
  if (height == 0 || width == 0) return WHYFRAME_OK;
  WHYFRAME_TRY(need_pointers({mask, frame, colours, keep, out}));
  if (mask_width > DrawOverlay::WIDEST_MASK) return WHYFRAME_UNSUPPORTED;
  const bool overwritten = state_out != nullptr && (state_out == state_in || state_out == mask);
  if (overwritten) return WHYFRAME_UNSUPPORTED;  // one block would read what another one has written
  const DrawOverlay body{{mask, state_in, momentum}, mask_height, mask_width, frame, frame_pitch, height, width,
                         window, colours, keep, out, out_pitch, state_out};
  const size_t bytes = mask_width * sizeof(float) + DrawOverlay::PIXELS;
  return WHYFRAME_LAUNCHER.teams(height * body.stretches(), bytes, body);
}
