/* C interface of the CUDA kernels of whyframe.
 *
 * Every function enqueues its work on `stream` (a cudaStream_t; NULL is the default stream) and returns at once. It
 * does not allocate memory, wait or print, so it may be captured into a CUDA graph. Pointers refer to device memory
 * unless stated otherwise. They need only the alignment of their element type; aligned data is read in vectors. A call
 * without work succeeds and launches nothing. The result is 0, a negative whyframe_status, or the positive cudaError_t
 * of the launch; whyframe_error_string returns the message.
 *
 * libwhyframe_host.so, for tests, offers the same functions with the suffix `_host` and without `stream`. It is
 * compiled from the same sources, and runs on the CPU and on host memory.
 */
#ifndef WHYFRAME_KERNELS_H
#define WHYFRAME_KERNELS_H

#include <stdint.h>

#define WHYFRAME_ABI_VERSION 4

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
  WHYFRAME_NULL_POINTER = -1, /* a required pointer is NULL */
  WHYFRAME_BAD_SIZE = -2,     /* a size, stride or pitch is negative, or too small for the others */
  WHYFRAME_BAD_ENUM = -3,     /* an unknown type, layout, mode, format or matrix */
  WHYFRAME_UNSUPPORTED = -4,  /* a valid value that this function does not support */
  WHYFRAME_SMALL_SCRATCH = -5 /* fewer scratch bytes than `..._scratch_bytes` returns */
};

enum whyframe_type { WHYFRAME_FLOAT32 = 0, WHYFRAME_FLOAT16 = 1, WHYFRAME_UINT8 = 2 };
enum whyframe_layout { WHYFRAME_PLANAR = 0 /* channels, pixels */, WHYFRAME_INTERLEAVED = 1 /* pixels, channels */ };
enum whyframe_mode { WHYFRAME_CT = 0, WHYFRAME_BT = 1, WHYFRAME_MINMAX = 2 };
/* The colours of the weighted formats are multiplied by alpha / 255 before they are resampled, and divided afterwards. */
enum whyframe_format {
  WHYFRAME_BGR = 0,
  WHYFRAME_RGB = 1,
  WHYFRAME_NV12 = 2,
  WHYFRAME_BGRA = 3,
  WHYFRAME_RGBA = 4,
  WHYFRAME_BGRA_WEIGHTED = 5,
  WHYFRAME_RGBA_WEIGHTED = 6
};
enum whyframe_matrix { WHYFRAME_BT601 = 0, WHYFRAME_BT709 = 1 };

/* WHYFRAME_ABI_VERSION of the library, which changes whenever a function changes. */
WHYFRAME_API int whyframe_abi_version(void);

/* The message of a returned code, in English. The string is valid as long as the library is loaded. */
WHYFRAME_API const char* whyframe_error_string(int code);

/* Return the scratch bytes that whyframe_frame_to_tensor needs for two passes, or a negative status. */
WHYFRAME_API int64_t whyframe_frame_scratch_bytes(int height, int columns, int channels);

/* Resample a video frame to the model's input, out_height x out_width x channels uint8 in `out`. The channels are RGB
 * (3), RGBA (4; frames with alpha only), or luma (1: 0.299 R + 0.587 G + 0.114 B).
 *
 * plane0 holds height x width interleaved pixels, or the luma of NV12, whose chroma is in plane1 (pairs of U and V,
 * half as many rows and columns, rounded up); pitches are in bytes. The frame becomes the `rows` x `columns` pixels
 * of the input from (first_row, first_column) on. The other pixels are set to `fill`: byte c is the level of channel c.
 * The resampling is separable; for y below `rows` and x below `columns`:
 *   out[first_row + y][first_column + x] = sum over k, l of
 *     row_weight[y][k] * column_weight[x][l] * frame[row_start[y] + k][column_start[x] + l]
 * The starts are ascending int32 values, the weights are float32 (rows x row_taps, columns x column_taps). A tap of
 * weight 0 may lie outside the frame. NV12 is converted to RGB and clamped before it is weighted. `matrix` and
 * `full_range` apply to NV12 only.
 *
 * If scratch is NULL, both sums are float32. If it is not, the sums over the columns are rounded and clamped to 8 bits
 * before they are summed over the rows, and halves are rounded up, as Pillow does; each pixel is read only once.
 * scratch has whyframe_frame_scratch_bytes(height, columns, channels) bytes. */
WHYFRAME_API int whyframe_frame_to_tensor(const uint8_t* plane0, int64_t pitch0, const uint8_t* plane1, int64_t pitch1,
                                          int height, int width, int format, int matrix, int full_range,
                                          const int32_t* row_start, const float* row_weight, int row_taps,
                                          const int32_t* column_start, const float* column_weight, int column_taps,
                                          uint8_t* scratch, uint8_t* out, int out_height, int out_width, int channels,
                                          int first_row, int first_column, int rows, int columns, int fill,
                                          void* stream);

/* Apply the distribution controller to `maps` maps of `size` logits, `logits_stride` elements apart. The scores are
 * dense.
 *
 * With z = (x - mean) / sqrt(variance + epsilon) over each map, CT is sigmoid(eta z) ** h, and BT is relu(z) divided by
 * its maximum (0 if the maximum is 0). MINMAX is (x - min) / (max - min) of the logits (0 if they are equal).
 * eta_per_map and h_per_map (`maps` float32 values each) replace eta and h unless they are NULL. Types: float32,
 * float16. Statistics are computed in float32 relative to the map's first logit, so a large mean costs no precision. */
WHYFRAME_API int whyframe_controller_forward(const void* logits, int logits_type, int64_t logits_stride, void* scores,
                                             int scores_type, int64_t maps, int64_t size, int mode, float eta, float h,
                                             const float* eta_per_map, const float* h_per_map, float epsilon,
                                             void* stream);

/* Compute the gradient of the logits (dense) from the gradient of the scores (dense). If several logits are equal to
 * the maximum in BT, the gradient of the maximum goes to the first. MINMAX is not supported. */
WHYFRAME_API int whyframe_controller_backward(const void* logits, int logits_type, int64_t logits_stride,
                                              const void* grad_scores, int grad_type, void* grad_logits,
                                              int grad_logits_type, int64_t maps, int64_t size, int mode, float eta,
                                              float h, const float* eta_per_map, const float* h_per_map, float epsilon,
                                              void* stream);

/* Perturb images (Fu et al. 2022, Eq. 1): out = mask * image + (1 - mask) * background. uint8 is rounded to nearest.
 *
 * There are `groups` images and backgrounds of channels x pixels (or pixels x channels). Each image has masks_per_image
 * float32 masks of `pixels`. out holds groups x masks_per_image images of the same type and layout. */
WHYFRAME_API int whyframe_perturb(const void* image, const void* background, int type, int layout, const float* masks,
                                  void* out, int64_t groups, int64_t masks_per_image, int64_t channels, int64_t pixels,
                                  void* stream);

/* Compute the gradient of the masks of whyframe_perturb: grad_masks = sum over channels of
 * grad_out * (image - background). Types: float32, float16. */
WHYFRAME_API int whyframe_perturb_backward(const void* image, const void* background, int type, int layout,
                                           const void* grad_out, float* grad_masks, int64_t groups,
                                           int64_t masks_per_image, int64_t channels, int64_t pixels, void* stream);

/* Perturb an image with `masks` binary masks: image n of out keeps pixel p if position[p] < counts[n], and has the
 * background elsewhere. position: rank of each pixel, int32 (0 is the most important); counts: int32. */
WHYFRAME_API int whyframe_perturb_ranked(const void* image, const void* background, int type, int layout,
                                         const int32_t* position, const int32_t* counts, void* out, int64_t masks,
                                         int64_t channels, int64_t pixels, void* stream);

/* Return the scratch bytes that whyframe_blur needs, or a negative status. */
WHYFRAME_API int64_t whyframe_blur_scratch_bytes(int64_t images, int64_t channels, int64_t height, int64_t width);

/* Filter both axes of images with `kernel` (float32, 2 radius + 1 weights). Sums are float32; uint8 is rounded to
 * nearest. The border is mirrored without repeating the edge, several times if an axis is short. */
WHYFRAME_API int whyframe_blur(const void* image, int type, int layout, float* scratch, void* out, int64_t images,
                               int64_t channels, int64_t height, int64_t width, const float* kernel, int radius,
                               void* stream);

/* Upsample a mask (mask_height x mask_width float32) to height x width float32: bilinear, half-pixel centres. */
WHYFRAME_API int whyframe_upsample(const float* mask, int mask_height, int mask_width, float* scores, int height,
                                   int width, void* stream);

/* Return the scratch bytes that whyframe_rank needs on the current device, a negative status, or -1000 minus the
 * cudaError_t. */
WHYFRAME_API int64_t whyframe_rank_scratch_bytes(int64_t pixels);

/* Rank pixels by score + 1e-6 * blurred, in descending order; equal values keep the row-major order. order[r] is the
 * pixel of rank r, position[p] is the rank of pixel p, both int32. The scratch memory must be aligned to 8 bytes. */
WHYFRAME_API int whyframe_rank(const float* scores, const float* blurred, int32_t* position, int32_t* order,
                               void* scratch, int64_t scratch_bytes, int height, int width, void* stream);

/* Refine scores post hoc (Fu et al. 2022, section 3.2.1). The score of the pixel at rank i (from 1) is multiplied by
 * ((q_max - q_i) / (q_max - q_0) + 1e-3) / (1 + 1e-3). q is the running maximum of `curve`, which is given at `counts`
 * pixels and interpolated linearly. `curve` (float32) and `counts` (int32, ascending) have steps + 1 entries. If the
 * curve never rises, the scores are copied. `scores` may be `out`. At most 4095 steps. */
WHYFRAME_API int whyframe_refine(const float* scores, const int32_t* position, const float* curve,
                                 const int32_t* counts, int steps, int64_t pixels, float* out, void* stream);

/* Draw a mask on a frame (height x width x 3 uint8, pitches in bytes).
 *
 * The mask covers the window (top, left, height, width), in pixels of the frame, which may have fractions and may reach
 * outside the frame. It is resampled bilinearly with half-pixel centres. The score of a pixel whose centre is outside
 * the window is 0. With t = rint(255 * score):
 *   out = saturate(rint(frame * keep[t] / 255) + colours[t])
 * `colours` is 256 x 3 uint8 and `keep` is 256 uint8. `frame` may be `out`. A mask is at most 8192 wide. */
WHYFRAME_API int whyframe_overlay(const float* mask, int mask_height, int mask_width, const uint8_t* frame,
                                  int64_t frame_pitch, int height, int width, float window_top, float window_left,
                                  float window_height, float window_width, const uint8_t* colours, const uint8_t* keep,
                                  uint8_t* out, int64_t out_pitch, void* stream);

#ifdef __cplusplus
}
#endif

#endif
