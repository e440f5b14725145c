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
    const float centre = (static_cast<float>(index) + 0.5f) * (static_cast<float>(size) / static_cast<float>(outputs));
    const float at = fminf(fmaxf(centre - 0.5f, 0.0f), static_cast<float>(size - 1));
    low = static_cast<int>(at);
    high = static_cast<int>(smaller(low + 1, size - 1));
    weight = at - static_cast<float>(low);
  }

  WHYFRAME_DEVICE float mix(float a, float b) const { return a + weight * (b - a); }
};

}  // namespace whyframe
