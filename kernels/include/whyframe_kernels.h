/* The CUDA kernels of whyframe, as plain C.
 *
 * Every entry enqueues its work on `stream` (a cudaStream_t; NULL is the default stream) and returns at once: it
 * allocates nothing, waits for nothing, prints nothing, and may be captured into a CUDA graph. Pointers are to device
 * memory unless said otherwise and need no alignment beyond their element's; aligned ones are read in vectors. Zero
 * work is no error and launches nothing. Each returns 0, or a negative whyframe_status, or the positive cudaError_t of
 * the launch; whyframe_error_string says it in words.
 *
 * libwhyframe_host.so, the test double, has the same entries under the suffix `_host`, without the stream: the same
 * sources, run by the processor on host memory.
 */
#ifndef WHYFRAME_KERNELS_H
#define WHYFRAME_KERNELS_H

#include <stdint.h>

#define WHYFRAME_ABI_VERSION 2

#if defined(__GNUC__)
#define WHYFRAME_API __attribute__((visibility("default")))
#else
#define WHYFRAME_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum whyframe_status {
  WHYFRAME_OK = 0,
  WHYFRAME_NULL_POINTER = -1, /* a pointer that is needed is NULL */
  WHYFRAME_BAD_SIZE = -2,     /* a size, stride or pitch is negative, or too small for the others */
  WHYFRAME_BAD_ENUM = -3,     /* an unknown type, layout, mode, format or matrix */
  WHYFRAME_UNSUPPORTED = -4,  /* known, but not offered by this entry */
  WHYFRAME_SMALL_SCRATCH = -5 /* fewer scratch bytes than the entry's `..._scratch_bytes` asks for */
};

enum whyframe_type { WHYFRAME_FLOAT32 = 0, WHYFRAME_FLOAT16 = 1, WHYFRAME_UINT8 = 2 };
enum whyframe_layout { WHYFRAME_PLANAR = 0 /* channels, pixels */, WHYFRAME_INTERLEAVED = 1 /* pixels, channels */ };
enum whyframe_mode { WHYFRAME_CT = 0, WHYFRAME_BT = 1, WHYFRAME_MINMAX = 2 };
enum whyframe_format { WHYFRAME_BGR = 0, WHYFRAME_RGB = 1, WHYFRAME_NV12 = 2 };
enum whyframe_matrix { WHYFRAME_BT601 = 0, WHYFRAME_BT709 = 1 };

/* WHYFRAME_ABI_VERSION of the library: it changes whenever an entry does. */
WHYFRAME_API int whyframe_abi_version(void);

/* What a returned code means, in English; the text lives as long as the library. */
WHYFRAME_API const char* whyframe_error_string(int code);

/* A video frame to the model's input: `side` x `side` x 3 uint8 RGB in `out`.
 *
 * plane0 holds height x width interleaved pixels, or the luma of NV12, whose chroma is in plane1 (pairs of U and V,
 * half as many rows and columns, rounded up); pitches are in bytes. Resampling is separable:
 *   out[y][x] = sum over k, l of row_weight[y][k] * column_weight[x][l] * frame[row_start[y] + k][column_start[x] + l]
 * with int32 starts that never fall (`side` of them) and float32 weights (side x taps); a tap of weight 0 may lie
 * outside. NV12 becomes RGB, clamped, before it is weighted; `matrix` and `full_range` matter for it alone. */
WHYFRAME_API int whyframe_frame_to_tensor(const uint8_t* plane0, int64_t pitch0, const uint8_t* plane1, int64_t pitch1,
                                          int height, int width, int format, int matrix, int full_range,
                                          const int32_t* row_start, const float* row_weight, int row_taps,
                                          const int32_t* column_start, const float* column_weight, int column_taps,
                                          uint8_t* out, int side, void* stream);

/* The distribution controller: `maps` maps of `size` logits, `logits_stride` elements apart, to as many scores, dense.
 *
 * With z = (x - mean) / sqrt(variance + epsilon) over each map: CT is sigmoid(eta z) ** h, BT is relu(z) over its
 * maximum (0 where that is 0); MINMAX is (x - min) / (max - min) of the logits themselves (0 where they are equal).
 * eta_per_map and h_per_map (float32, `maps` of them) replace eta and h where not NULL. Types: float32, float16;
 * statistics are float32 about the map's first logit, so that a large mean costs no precision. */
WHYFRAME_API int whyframe_controller_forward(const void* logits, int logits_type, int64_t logits_stride, void* scores,
                                             int scores_type, int64_t maps, int64_t size, int mode, float eta, float h,
                                             const float* eta_per_map, const float* h_per_map, float epsilon,
                                             void* stream);

/* The gradient of the scores (dense) to that of the logits (dense). BT's maximum passes its gradient to the first of
 * equal maxima. MINMAX is unsupported. */
WHYFRAME_API int whyframe_controller_backward(const void* logits, int logits_type, int64_t logits_stride,
                                              const void* grad_scores, int grad_type, void* grad_logits,
                                              int grad_logits_type, int64_t maps, int64_t size, int mode, float eta,
                                              float h, const float* eta_per_map, const float* h_per_map, float epsilon,
                                              void* stream);

/* Eq. 1: out = mask * image + (1 - mask) * background, uint8 rounded to nearest.
 *
 * `groups` images and backgrounds of channels x pixels (or pixels x channels), each seen through its own
 * masks_per_image float32 masks of `pixels`; out holds groups x masks_per_image images of the same type and layout. */
WHYFRAME_API int whyframe_perturb(const void* image, const void* background, int type, int layout, const float* masks,
                                  void* out, int64_t groups, int64_t masks_per_image, int64_t channels, int64_t pixels,
                                  void* stream);

/* Its gradient: grad_masks = sum over channels of grad_out * (image - background). Types: float32, float16. */
WHYFRAME_API int whyframe_perturb_backward(const void* image, const void* background, int type, int layout,
                                           const void* grad_out, float* grad_masks, int64_t groups,
                                           int64_t masks_per_image, int64_t channels, int64_t pixels, void* stream);

/* Eq. 1 with hard masks: image n of `masks` keeps pixel p where position[p] < counts[n]. position: int32, one a pixel
 * (0 is the most important); counts: int32. */
WHYFRAME_API int whyframe_perturb_ranked(const void* image, const void* background, int type, int layout,
                                         const int32_t* position, const int32_t* counts, void* out, int64_t masks,
                                         int64_t channels, int64_t pixels, void* stream);

/* Bytes of scratch that whyframe_blur needs; negative where a size is. */
WHYFRAME_API int64_t whyframe_blur_scratch_bytes(int64_t images, int64_t channels, int64_t height, int64_t width);

/* Separable filter of both axes with `kernel` (float32, 2 radius + 1 weights), sums in float32, uint8 rounded to
 * nearest. The border mirrors without repeating the edge, as often as a short axis needs. */
WHYFRAME_API int whyframe_blur(const void* image, int type, int layout, float* scratch, void* out, int64_t images,
                               int64_t channels, int64_t height, int64_t width, const float* kernel, int radius,
                               void* stream);

/* mask_height x mask_width float32 to height x width float32: bilinear, half-pixel centres. */
WHYFRAME_API int whyframe_upsample(const float* mask, int mask_height, int mask_width, float* scores, int height,
                                   int width, void* stream);

/* Bytes of scratch that whyframe_rank needs on the current device; a negative status, or minus the cudaError_t less
 * 1000. */
WHYFRAME_API int64_t whyframe_rank_scratch_bytes(int64_t pixels);

/* Pixels by falling score; equal scores by `blurred`, which counts 1e-6 as much; what still ties in reading order.
 * order[r] is the pixel of rank r, position[p] the rank of pixel p, both int32. Scratch: 8-byte aligned. */
WHYFRAME_API int whyframe_rank(const float* scores, const float* blurred, int32_t* position, int32_t* order,
                               void* scratch, int64_t scratch_bytes, int height, int width, void* stream);

/* Post-hoc tuning: the score of the pixel at rank i (from 1) times ((q_max - q_i) / (q_max - q_0) + 1e-3) / (1 + 1e-3),
 * q the running maximum of `curve`, known at `counts` pixels (both steps + 1 long, float32 and rising int32) and linear
 * in between. The scores are copied where the curve never rises. `scores` may be `out`. At most 4095 steps. */
WHYFRAME_API int whyframe_refine(const float* scores, const int32_t* position, const float* curve, const int32_t* counts,
                               int steps, int64_t pixels, float* out, void* stream);

/* The frame (height x width x 3 uint8, pitches in bytes) with its map drawn on it.
 *
 * The mask is scaled to the window (top, left, height, width) of the frame, bilinear with half-pixel centres; outside
 * the score is 0. With t = rint(255 * score): out = saturate(rint(frame * keep[t] / 255) + colours[t]), `colours`
 * 256 x 3 and `keep` 256 uint8. `frame` may be `out`. Where state_in is not NULL the mask drawn is
 * momentum * state_in + (1 - momentum) * mask; where state_out is not NULL it is written there. Both are float32 of the
 * mask's size; state_out is neither state_in nor the mask itself. A mask is at most 8192 wide. */
WHYFRAME_API int whyframe_overlay(const float* mask, int mask_height, int mask_width, const uint8_t* frame,
                                  int64_t frame_pitch, int height, int width, int window_top, int window_left,
                                  int window_height, int window_width, const uint8_t* colours, const uint8_t* keep,
                                  uint8_t* out, int64_t out_pitch, const float* state_in, float* state_out,
                                  float momentum, void* stream);

#ifdef __cplusplus
}
#endif

#endif
