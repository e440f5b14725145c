// Linear interpolation between half-pixel centres. The edge sample is repeated.
#pragma once

#include "elements.h"

namespace whyframe {

// Two neighbouring samples on an axis, and the weight of the second.
struct LinearSample {
  int low, high;
  float weight;

  // The samples of an axis of `size` samples that surround output `index` of `outputs`.
  WHYFRAME_DEVICE LinearSample(int64_t index, int outputs, int size) {
    place((static_cast<float>(index) + 0.5f) * (static_cast<float>(size) / static_cast<float>(outputs)), size);
  }

  // The same, if the axis of `size` samples covers `length` outputs from `start` on.
  WHYFRAME_DEVICE LinearSample(int64_t index, float start, float length, int size) {
    place((static_cast<float>(index) - start + 0.5f) * (static_cast<float>(size) / length), size);
  }

  WHYFRAME_DEVICE float mix(float a, float b) const { return a + weight * (b - a); }

 private:
  WHYFRAME_DEVICE void place(float centre, int size) {
    const float at = fminf(fmaxf(centre - 0.5f, 0.0f), static_cast<float>(size - 1));
    low = static_cast<int>(at);
    high = static_cast<int>(smaller(low + 1, size - 1));
    weight = at - static_cast<float>(low);
  }
};

}  // namespace whyframe
