// Owners of what libbpf gives out.
#pragma once

#include <bpf/libbpf.h>

#include <memory>

namespace aiotrace::probe {

struct LinkCloser {
  void operator()(bpf_link* link) const noexcept { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkCloser>;

/// A skeleton that bpftool generated: its C++ form has a static destroy().
template <class T>
struct SkeletonCloser {
  void operator()(T* skeleton) const noexcept { T::destroy(skeleton); }
};
template <class T>
using Skeleton = std::unique_ptr<T, SkeletonCloser<T>>;

}  // namespace aiotrace::probe
