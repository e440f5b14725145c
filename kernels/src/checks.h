// Checks of arguments, and the mapping of types to template arguments, which every function does before a launch.
#pragma once

#include <initializer_list>

#include "elements.h"
#include "whyframe_kernels.h"

namespace whyframe {

inline int need_pointers(std::initializer_list<const void*> pointers) {
  for (const void* pointer : pointers) {
    if (pointer == nullptr) return WHYFRAME_NULL_POINTER;
  }
  return WHYFRAME_OK;
}

inline int need_not_negative(std::initializer_list<int64_t> sizes) {
  for (int64_t size : sizes) {
    if (size < 0) return WHYFRAME_BAD_SIZE;
  }
  return WHYFRAME_OK;
}

inline int need_positive(std::initializer_list<int64_t> sizes) {
  for (int64_t size : sizes) {
    if (size < 1) return WHYFRAME_BAD_SIZE;
  }
  return WHYFRAME_OK;
}

inline bool is_layout(int layout) { return layout == WHYFRAME_PLANAR || layout == WHYFRAME_INTERLEAVED; }

template <class T>
struct Tag {
  using type = T;
};

// Calls call(Tag<float>) or call(Tag<Half>).
template <class Call>
int with_float_type(int type, Call call) {
  if (type == WHYFRAME_FLOAT32) return call(Tag<float>{});
  if (type == WHYFRAME_FLOAT16) return call(Tag<Half>{});
  return type == WHYFRAME_UINT8 ? WHYFRAME_UNSUPPORTED : WHYFRAME_BAD_ENUM;
}

template <class Call>
int with_type(int type, Call call) {
  return type == WHYFRAME_UINT8 ? call(Tag<uint8_t>{}) : with_float_type(type, call);
}

inline const char* status_string(int status) {
  switch (status) {
    case WHYFRAME_OK: return "success";
    case WHYFRAME_NULL_POINTER: return "a required pointer is null";
    case WHYFRAME_BAD_SIZE: return "a size, stride or pitch is negative, or too small for the others";
    case WHYFRAME_BAD_ENUM: return "an unknown type, layout, mode, format or matrix";
    case WHYFRAME_UNSUPPORTED: return "a type, mode or size that this function does not support";
    case WHYFRAME_SMALL_SCRATCH: return "the scratch memory is too small";
    default: return "an unknown code";
  }
}

}  // namespace whyframe

#define WHYFRAME_TRY(call)                        \
  do {                                            \
    const int whyframe_code = (call);             \
    if (whyframe_code != WHYFRAME_OK) return whyframe_code; \
  } while (0)
