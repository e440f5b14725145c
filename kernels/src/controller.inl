// The distribution controller, forward and backward (Fu et al. 2022, Eq. 5 to 7). A block computes a map.

namespace whyframe {

constexpr int CONTROLLER_THREADS = 512;
// Bytes of the cache. With the shared memory of the reductions, a block stays below 48 KiB.
constexpr int64_t CONTROLLER_CACHE = 40 * 1024;

WHYFRAME_HD constexpr int64_t controller_cache_bytes(int64_t size) {
  return ceil_div(size, GROUP) * sizeof(Pack<float>);
}

// Reader of a map's values in groups of four. With a cache, only the first pass reads global memory. A thread reads the
// same groups in every pass, so the cache needs no synchronisation.
template <class T>
class MapReader {
 public:
  WHYFRAME_DEVICE MapReader(const T* data, int64_t size, float* cache)
      : data_(data), size_(size), cache_(reinterpret_cast<Pack<float>*>(cache)), aligned_(is_aligned(data)) {}

  WHYFRAME_DEVICE int64_t groups() const { return ceil_div(size_, GROUP); }
  WHYFRAME_DEVICE int64_t count(int64_t group) const { return smaller(GROUP, size_ - group * GROUP); }

  WHYFRAME_DEVICE Pack<float> first(int64_t group) {
    const Pack<T> raw = load_group(data_ + group * GROUP, count(group), aligned_);
    Pack<float> wide;
    for (int j = 0; j < GROUP; ++j) wide.at[j] = to_float(raw.at[j]);
    if (cache_ != nullptr) cache_[group] = wide;
    return wide;
  }

  WHYFRAME_DEVICE Pack<float> again(int64_t group) { return cache_ != nullptr ? cache_[group] : first(group); }

 private:
  const T* data_;
  int64_t size_;
  Pack<float>* cache_;
  bool aligned_;
};

struct Range {
  float sum, low, high;
  WHYFRAME_DEVICE void merge(const Range& other) {
    sum += other.sum;
    low = fminf(low, other.low);
    high = fmaxf(high, other.high);
  }
};

struct Sum {
  float value;
  WHYFRAME_DEVICE void merge(const Sum& other) { value += other.value; }
};

struct Sums {
  float first, second;
  WHYFRAME_DEVICE void merge(const Sums& other) {
    first += other.first;
    second += other.second;
  }
};

// The largest value and its index. Of equal values, the first index.
struct Peak {
  float value;
  uint32_t padding;  // explicit, because all bytes are shuffled
  int64_t index;
  WHYFRAME_DEVICE void merge(const Peak& other) {
    if (other.value > value || (other.value == value && other.index < index)) *this = other;
  }
};

// Statistics of a map for its instance normalisation. They are relative to the map's first value, which cancels a large
// mean before values are rounded.
struct Statistics {
  float origin, mean, scale, low, high;

  WHYFRAME_DEVICE float normal(float x) const { return (x - origin - mean) * scale; }
};

template <class TeamT, class T>
WHYFRAME_DEVICE Statistics statistics(TeamT& team, MapReader<T>& x, float origin, int64_t size, float epsilon) {
  const Range range = team.reduce(x.groups(), Range{0, INFINITY, -INFINITY}, [&](Range& own, int64_t group) {
    const Pack<float> values = x.first(group);
    for (int j = 0; j < x.count(group); ++j) own.merge(Range{values.at[j] - origin, values.at[j], values.at[j]});
  });
  const float count = static_cast<float>(size), mean = range.sum / count;
  const Sum squares = team.reduce(x.groups(), Sum{0}, [&](Sum& own, int64_t group) {
    const Pack<float> values = x.again(group);
    for (int j = 0; j < x.count(group); ++j) {
      const float centred = values.at[j] - origin - mean;
      own.value += centred * centred;
    }
  });
  return Statistics{origin, mean, 1 / sqrtf(squares.value / count + epsilon), range.low, range.high};
}

WHYFRAME_DEVICE float log_sigmoid(float v) { return fminf(v, 0.0f) - log1pf(expf(-fabsf(v))); }

// exp(h * logsigmoid) instead of sigmoid ** h, because it stays exact when the sigmoid underflows.
WHYFRAME_DEVICE float skew(float z, float eta, float h) { return expf(h * log_sigmoid(eta * z)); }

WHYFRAME_DEVICE float skew_slope(float z, float eta, float h) {
  return eta * h * expf(h * log_sigmoid(eta * z) + log_sigmoid(-eta * z));
}

constexpr float TINY = 1.17549435e-38f;  // the smallest normal float

struct ControllerSettings {
  int mode;
  float eta, h;
  const float* eta_per_map;
  const float* h_per_map;
  float epsilon;

  WHYFRAME_DEVICE float eta_of(int64_t map) const { return eta_per_map != nullptr ? eta_per_map[map] : eta; }
  WHYFRAME_DEVICE float h_of(int64_t map) const { return h_per_map != nullptr ? h_per_map[map] : h; }
};

template <class In, class Out>
struct ControllerForward {
  static constexpr int THREADS = CONTROLLER_THREADS;
  const In* logits;
  int64_t stride;
  Out* scores;
  int64_t size;
  ControllerSettings settings;
  bool cached;

  template <class TeamT>
  WHYFRAME_DEVICE void operator()(TeamT& team, int64_t map) const {
    const In* data = logits + map * stride;
    MapReader<In> x(data, size, cached ? team.memory() : nullptr);
    const Statistics stats = statistics(team, x, to_float(data[0]), size, settings.epsilon);
    const float eta = settings.eta_of(map), h = settings.h_of(map);
    const float peak = fmaxf(stats.normal(stats.high), TINY), width = fmaxf(stats.high - stats.low, TINY);
    Out* out = scores + map * size;
    const bool aligned = is_aligned(out);
    team.each(x.groups(), [&](int64_t group) {
      const Pack<float> values = x.again(group);
      Pack<Out> shaped;
      for (int j = 0; j < GROUP; ++j) {
        const float z = stats.normal(values.at[j]);
        const float score = settings.mode == WHYFRAME_CT   ? skew(z, eta, h)
                            : settings.mode == WHYFRAME_BT ? fmaxf(z, 0.0f) / peak
                                                           : (values.at[j] - stats.low) / width;
        shaped.at[j] = nearest<Out>(score);
      }
      store_group(out + group * GROUP, shaped, x.count(group), aligned);
    });
  }
};

template <class In, class Grad, class Out>
struct ControllerBackward {
  static constexpr int THREADS = CONTROLLER_THREADS;
  const In* logits;
  int64_t stride;
  const Grad* grad_scores;
  Out* grad_logits;
  int64_t size;
  ControllerSettings settings;
  bool cached;

  template <class TeamT>
  WHYFRAME_DEVICE void operator()(TeamT& team, int64_t map) const {
    const In* data = logits + map * stride;
    MapReader<In> x(data, size, cached ? team.memory() : nullptr);
    MapReader<Grad> grad(grad_scores + map * size, size,
                         cached ? team.memory() + controller_cache_bytes(size) / sizeof(float) : nullptr);
    const Statistics stats = statistics(team, x, to_float(data[0]), size, settings.epsilon);
    team.each(x.groups(), [&](int64_t group) { grad.first(group); });
    if (settings.mode == WHYFRAME_CT) {
      const float eta = settings.eta_of(map), h = settings.h_of(map);
      through_normal(team, map, stats, x, grad,
                     [=](float z, float g, int64_t) { return g * skew_slope(z, eta, h); });
    } else {
      basic(team, map, stats, x, grad);
    }
  }

 private:
  // The gradient of relu(z) / peak. The largest value also gets the gradient of the peak.
  template <class TeamT>
  WHYFRAME_DEVICE void basic(TeamT& team, int64_t map, const Statistics& stats, MapReader<In>& x,
                             MapReader<Grad>& grad) const {
    const Peak none{-INFINITY, 0, INT64_MAX};
    const Peak top = team.reduce(x.groups(), none, [&](Peak& own, int64_t group) {
      const Pack<float> values = x.again(group);
      for (int j = 0; j < x.count(group); ++j) own.merge(Peak{values.at[j], 0, group * GROUP + j});
    });
    const float peak = fmaxf(stats.normal(top.value), TINY);
    const Sum through = team.reduce(x.groups(), Sum{0}, [&](Sum& own, int64_t group) {
      const Pack<float> values = x.again(group), grads = grad.again(group);
      for (int j = 0; j < x.count(group); ++j) {
        own.value += grads.at[j] * fmaxf(stats.normal(values.at[j]), 0.0f);
      }
    });
    const float of_peak = through.value / peak;
    through_normal(team, map, stats, x, grad, [=](float z, float g, int64_t index) {
      return ((z > 0 ? g : 0) - (index == top.index ? of_peak : 0)) / peak;
    });
  }

  // The gradient through the normalisation. With g = to_normal(z, grad, index), the gradient of a normalised logit:
  // grad_logit = scale * (g - mean(g) - z * mean(g z)).
  template <class TeamT, class ToNormal>
  WHYFRAME_DEVICE void through_normal(TeamT& team, int64_t map, const Statistics& stats, MapReader<In>& x,
                                      MapReader<Grad>& grad, ToNormal to_normal) const {
    const Sums sums = team.reduce(x.groups(), Sums{0, 0}, [&](Sums& own, int64_t group) {
      const Pack<float> values = x.again(group), grads = grad.again(group);
      for (int j = 0; j < x.count(group); ++j) {
        const float z = stats.normal(values.at[j]), g = to_normal(z, grads.at[j], group * GROUP + j);
        own.merge(Sums{g, g * z});
      }
    });
    const float mean = sums.first / static_cast<float>(size), tilt = sums.second / static_cast<float>(size);
    Out* out = grad_logits + map * size;
    const bool aligned = is_aligned(out);
    team.each(x.groups(), [&](int64_t group) {
      const Pack<float> values = x.again(group), grads = grad.again(group);
      Pack<Out> results;
      for (int j = 0; j < GROUP; ++j) {
        const float z = stats.normal(values.at[j]), g = to_normal(z, grads.at[j], group * GROUP + j);
        results.at[j] = nearest<Out>(stats.scale * (g - mean - z * tilt));
      }
      store_group(out + group * GROUP, results, x.count(group), aligned);
    });
  }
};

inline int check_controller(int64_t stride, int64_t maps, int64_t size, int mode) {
  WHYFRAME_TRY(need_not_negative({maps, size, stride}));
  if (maps > 1 && stride < size) return WHYFRAME_BAD_SIZE;
  return mode == WHYFRAME_CT || mode == WHYFRAME_BT || mode == WHYFRAME_MINMAX ? WHYFRAME_OK : WHYFRAME_BAD_ENUM;
}

}  // namespace whyframe

WHYFRAME_ENTRY(controller_forward, const void* logits, int logits_type, int64_t logits_stride, void* scores,
               int scores_type, int64_t maps, int64_t size, int mode, float eta, float h, const float* eta_per_map,
               const float* h_per_map, float epsilon) {
  using namespace whyframe;
  WHYFRAME_TRY(check_controller(logits_stride, maps, size, mode));
  return with_float_type(logits_type, [&](auto in) {
    return with_float_type(scores_type, [&](auto out) -> int {
      using In = typename decltype(in)::type;
      using Out = typename decltype(out)::type;
      if (maps == 0 || size == 0) return WHYFRAME_OK;
      WHYFRAME_TRY(need_pointers({logits, scores}));
      const int64_t bytes = controller_cache_bytes(size);
      const bool cached = bytes <= CONTROLLER_CACHE;
      const ControllerForward<In, Out> body{static_cast<const In*>(logits), logits_stride, static_cast<Out*>(scores),
                                            size, {mode, eta, h, eta_per_map, h_per_map, epsilon}, cached};
      return WHYFRAME_LAUNCHER.teams(maps, cached ? bytes : 0, body);
    });
  });
}

WHYFRAME_ENTRY(controller_backward, const void* logits, int logits_type, int64_t logits_stride,
               const void* grad_scores, int grad_type, void* grad_logits, int grad_logits_type, int64_t maps,
               int64_t size, int mode, float eta, float h, const float* eta_per_map, const float* h_per_map,
               float epsilon) {
  using namespace whyframe;
  WHYFRAME_TRY(check_controller(logits_stride, maps, size, mode));
  if (mode == WHYFRAME_MINMAX) return WHYFRAME_UNSUPPORTED;
  return with_float_type(logits_type, [&](auto in) {
    return with_float_type(grad_type, [&](auto grad) {
      return with_float_type(grad_logits_type, [&](auto out) -> int {
        using In = typename decltype(in)::type;
        using Grad = typename decltype(grad)::type;
        using Out = typename decltype(out)::type;
        if (maps == 0 || size == 0) return WHYFRAME_OK;
        WHYFRAME_TRY(need_pointers({logits, grad_scores, grad_logits}));
        const int64_t bytes = 2 * controller_cache_bytes(size);
        const bool cached = bytes <= CONTROLLER_CACHE;
        const ControllerBackward<In, Grad, Out> body{
            static_cast<const In*>(logits), logits_stride, static_cast<const Grad*>(grad_scores),
            static_cast<Out*>(grad_logits), size, {mode, eta, h, eta_per_map, h_per_map, epsilon}, cached};
        return WHYFRAME_LAUNCHER.teams(maps, cached ? bytes : 0, body);
      });
    });
  });
}
