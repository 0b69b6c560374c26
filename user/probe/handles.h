// Owning types for the objects of libbpf.
#pragma once

#include <bpf/libbpf.h>

#include <memory>
#include <utility>
#include <vector>

namespace aiotrace::probe {

struct LinkCloser {
  void operator()(bpf_link* link) const noexcept { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, LinkCloser>;

/// Closes them all at once. For each probe of a tracepoint the kernel waits until no CPU runs it any more
/// (kernel/trace/trace_event_perf.c, perf_trace_event_unreg; 75 ms on an idle machine with 6.18): one after the other
/// this takes half a second, in which Ctrl-C seems to do nothing.
void close_together(std::vector<Link> links);

/// Links that are closed together by the destructor.
class Links {
 public:
  Links() = default;
  Links(const Links&) = delete;
  Links& operator=(const Links&) = delete;
  ~Links() { close(); }

  void close() { close_together(std::exchange(links_, {})); }
  void push_back(Link link) { links_.push_back(std::move(link)); }

 private:
  std::vector<Link> links_;
};

/// A skeleton that bpftool generated: its C++ form has a static destroy().
template <class T>
struct SkeletonCloser {
  void operator()(T* skeleton) const noexcept { T::destroy(skeleton); }
};
template <class T>
using Skeleton = std::unique_ptr<T, SkeletonCloser<T>>;

}  // namespace aiotrace::probe
