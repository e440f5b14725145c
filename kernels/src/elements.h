// Elements of the three types, single and in groups of four.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#include <cuda_fp16.h>
#define WHYFRAME_DEVICE __device__ __forceinline__
#define WHYFRAME_HD __host__ __device__ inline
#else
// The host twins compile the same code as plain C++.
#define WHYFRAME_DEVICE inline
#define WHYFRAME_HD inline
#endif

namespace whyframe {

WHYFRAME_DEVICE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
WHYFRAME_DEVICE int64_t clamp(int64_t value, int64_t low, int64_t high) {
  return value < low ? low : (value > high ? high : value);
}
WHYFRAME_HD constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Half {
  uint16_t bits;
};

#ifdef __CUDACC__
WHYFRAME_DEVICE float half_to_float(uint16_t bits) { return __half2float(__ushort_as_half(bits)); }
WHYFRAME_DEVICE uint16_t float_to_half(float value) { return __half_as_ushort(__float2half_rn(value)); }
#else
inline float half_to_float(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float magnitude = exponent == 0    ? std::ldexp(static_cast<float>(fraction), -24)
                    : exponent == 31 ? (fraction ? NAN : INFINITY)
                                     : std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

inline uint16_t float_to_half(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7e00;
  if (magnitude >= 65520) return sign | 0x7c00;  // halfway between the largest half and the next power of two
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  const int unit = magnitude == 0 || exponent < -13 ? -24 : exponent - 11;  // log2 of the distance to the next half
  // A fraction that is rounded up to 2048 increments the exponent in the sum.
  const auto fraction = static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, -unit)));
  return sign | static_cast<uint16_t>(fraction + ((unit + 24) << 10));
}
#endif

WHYFRAME_DEVICE float to_float(float value) { return value; }
WHYFRAME_DEVICE float to_float(Half value) { return half_to_float(value.bits); }
WHYFRAME_DEVICE float to_float(uint8_t value) { return value; }

// The nearest value of the type; uint8 saturates.
template <class T>
WHYFRAME_DEVICE T nearest(float value);
template <>
WHYFRAME_DEVICE float nearest<float>(float value) {
  return value;
}
template <>
WHYFRAME_DEVICE Half nearest<Half>(float value) {
  return Half{float_to_half(value)};
}
template <>
WHYFRAME_DEVICE uint8_t nearest<uint8_t>(float value) {
  return static_cast<uint8_t>(fminf(fmaxf(rintf(value), 0.0f), 255.0f));
}

constexpr int GROUP = 4;

// Four neighbouring elements, which a single instruction loads or stores if their address is aligned.
template <class T>
struct alignas(GROUP * sizeof(T)) Pack {
  T at[GROUP];
};

template <class T>
WHYFRAME_DEVICE bool is_aligned(const T* data) {
  return reinterpret_cast<uintptr_t>(data) % alignof(Pack<T>) == 0;
}

// Loads four elements from `data`, of which `count` exist. The missing elements repeat the last.
template <class T>
WHYFRAME_DEVICE Pack<T> load_group(const T* data, int64_t count, bool aligned) {
  if (aligned && count >= GROUP) return *reinterpret_cast<const Pack<T>*>(data);
  Pack<T> group;
  for (int j = 0; j < GROUP; ++j) group.at[j] = data[smaller(j, count - 1)];
  return group;
}

template <class T>
WHYFRAME_DEVICE void store_group(T* data, const Pack<T>& group, int64_t count, bool aligned) {
  if (aligned && count >= GROUP) {
    *reinterpret_cast<Pack<T>*>(data) = group;
    return;
  }
  for (int j = 0; j < GROUP; ++j) {
    if (j < count) data[j] = group.at[j];
  }
}

}  // namespace whyframe
