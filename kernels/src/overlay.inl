// Drawing of a mask on its frame. A block draws a segment of a row.
#include "bilinear.h"

namespace whyframe {

// The part of the plane of the frame that the mask covers, in pixels. A pixel is inside if its centre is.
struct Window {
  float top, left, height, width;

  WHYFRAME_DEVICE bool has_row(int64_t y) const { return has(static_cast<float>(y) - top + 0.5f, height); }
  WHYFRAME_DEVICE bool has_column(int64_t x) const { return has(static_cast<float>(x) - left + 0.5f, width); }

 private:
  WHYFRAME_DEVICE static bool has(float centre, float length) { return centre >= 0 && centre < length; }
};

struct DrawOverlay {
  static constexpr int THREADS = 256;
  static constexpr int64_t PIXELS = 1024;   // in a segment
  static constexpr int WIDEST_MASK = 8192;  // a row of the mask is held in shared memory

  const float* mask;
  int mask_height, mask_width;
  const uint8_t* frame;
  int64_t frame_pitch;
  int height, width;
  Window window;
  const uint8_t* colours;
  const uint8_t* keep;
  uint8_t* out;
  int64_t out_pitch;

  WHYFRAME_HD int64_t segments() const { return ceil_div(width, PIXELS); }

  template <class TeamT>
  WHYFRAME_DEVICE void operator()(TeamT& team, int64_t block) const {
    const int64_t y = block / segments(), x = block % segments() * PIXELS;
    const int64_t pixels = smaller(PIXELS, width - x), bytes = 3 * pixels;
    float* line = team.memory();
    auto* scores = reinterpret_cast<uint8_t*>(line + mask_width);
    const bool covered = window.has_row(y);
    if (covered) {
      const LinearSample rows(y, window.top, window.height, mask_height);
      team.each(mask_width, [&](int64_t j) { line[j] = rows.mix(mask_at(rows.low, j), mask_at(rows.high, j)); });
    }
    team.sync();
    team.each(pixels, [&](int64_t i) { scores[i] = covered ? score(line, x + i) : 0; });
    team.sync();
    const uint8_t* from = frame + y * frame_pitch + 3 * x;
    uint8_t* to = out + y * out_pitch + 3 * x;
    const bool words = is_aligned(from), words_out = is_aligned(to);
    team.each(ceil_div(bytes, GROUP), [&](int64_t group) {
      const int64_t first = group * GROUP, count = smaller(GROUP, bytes - first);
      const Pack<uint8_t> pixels_in = load_group(from + first, count, words);
      Pack<uint8_t> drawn;
      for (int j = 0; j < GROUP; ++j) {
        const int byte = static_cast<int>(smaller(first + j, bytes - 1));
        drawn.at[j] = blend(pixels_in.at[j], scores[byte / 3], byte % 3);
      }
      store_group(to + first, drawn, count, words_out);
    });
  }

 private:
  WHYFRAME_DEVICE float mask_at(int64_t row, int64_t column) const { return mask[row * mask_width + column]; }

  // The 8-bit score of a pixel of this row.
  WHYFRAME_DEVICE uint8_t score(const float* line, int64_t x) const {
    if (!window.has_column(x)) return 0;
    const LinearSample columns(x, window.left, window.width, mask_width);
    return nearest<uint8_t>(255 * columns.mix(line[columns.low], line[columns.high]));
  }

  WHYFRAME_DEVICE uint8_t blend(int pixel, int score, int channel) const {
    // Rounds to nearest. There are no ties: 255 is odd, so a product is never halfway between two multiples of 255.
    const int kept = (pixel * keep[score] + 127) / 255;
    return static_cast<uint8_t>(smaller(kept + colours[3 * score + channel], 255));
  }
};

inline int check_overlay(int mask_height, int mask_width, int64_t frame_pitch, int height, int width,
                         const Window& window, int64_t out_pitch) {
  WHYFRAME_TRY(need_not_negative({height, width}));
  WHYFRAME_TRY(need_positive({mask_height, mask_width}));
  const int64_t row = 3 * static_cast<int64_t>(width);
  if (frame_pitch < row || out_pitch < row) return WHYFRAME_BAD_SIZE;
  const bool finite = std::isfinite(window.top) && std::isfinite(window.left) && std::isfinite(window.height) &&
                      std::isfinite(window.width);
  return finite && window.height > 0 && window.width > 0 ? WHYFRAME_OK : WHYFRAME_BAD_SIZE;
}

}  // namespace whyframe

WHYFRAME_ENTRY(overlay, const float* mask, int mask_height, int mask_width, const uint8_t* frame, int64_t frame_pitch,
               int height, int width, float window_top, float window_left, float window_height, float window_width,
               const uint8_t* colours, const uint8_t* keep, uint8_t* out, int64_t out_pitch) {
  using namespace whyframe;
  const Window window{window_top, window_left, window_height, window_width};
  WHYFRAME_TRY(check_overlay(mask_height, mask_width, frame_pitch, height, width, window, out_pitch));
  if (height == 0 || width == 0) return WHYFRAME_OK;
  WHYFRAME_TRY(need_pointers({mask, frame, colours, keep, out}));
  if (mask_width > DrawOverlay::WIDEST_MASK) return WHYFRAME_UNSUPPORTED;
  const DrawOverlay body{mask, mask_height, mask_width, frame, frame_pitch, height, width,
                         window, colours, keep, out, out_pitch};
  const size_t bytes = mask_width * sizeof(float) + DrawOverlay::PIXELS;
  return WHYFRAME_LAUNCHER.teams(height * body.segments(), bytes, body);
}
