#include "probe/off_since.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>

#include "abi/off_since.h"
#include "off_since.skel.h"
#include "probe/handles.h"
#include "probe/load_log.h"
#include "probe/permissions.h"
#include "util/unique_fd.h"

namespace aiotrace::probe {
namespace {

// For one task, found by its number: Linux since 6.2 (f0d74c4da1f0, "bpf: Parameterize task iterators.") goes directly
// to it; other kernels return EINVAL or E2BIG, and then all tasks are read.
Link attach(bpf_program* program, std::uint32_t tid) {
  bpf_iter_link_info info{};
  info.task.tid = tid;
  LIBBPF_OPTS(bpf_iter_attach_opts, options);
  options.link_info = &info;
  options.link_info_len = sizeof(info);
  Link link(bpf_program__attach_iter(program, &options));
  return link ? std::move(link) : Link(bpf_program__attach_iter(program, nullptr));
}

std::optional<off_since_record> read_record(bpf_program* program, std::uint32_t tid) {
  const auto link = attach(program, tid);
  if (!link) return std::nullopt;
  const UniqueFd fd(bpf_iter_create(bpf_link__fd(link.get())));
  if (!fd) return std::nullopt;
  // The kernel returns whole records, as many as fit.
  std::array<off_since_record, 128> records{};
  for (;;) {
    const auto got = read(fd.get(), records.data(), sizeof(records));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof(off_since_record); ++i) {
      if (records.at(i).tid == tid) return records.at(i);
    }
  }
}

}  // namespace

struct OffSince::Impl {
  Skeleton<off_since_bpf> skeleton;
};

OffSince::OffSince(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OffSince::OffSince(OffSince&&) noexcept = default;
OffSince& OffSince::operator=(OffSince&&) noexcept = default;
OffSince::~OffSince() = default;

Result<OffSince> OffSince::load() {
  keep_warnings();
  forget_warnings();
  auto impl = std::make_unique<Impl>();
  impl->skeleton.reset(off_since_bpf::open_and_load());
  if (!impl->skeleton)
    return load_error("load the BPF program that asks since when a thread waits", errno, last_warning());
  return OffSince(std::move(impl));
}

std::optional<std::uint64_t> OffSince::of(std::uint32_t tid) const {
  auto* program = impl_->skeleton->progs.handle_task;
  const auto other = read_record(program, tid);
  if (!other || other->state == 0 || other->arrival == 0) return std::nullopt;
  // Gives up the CPU, so that the thread has just been switched in: time between that and the program's read makes the
  // result later.
  constexpr timespec kShort{.tv_sec = 0, .tv_nsec = 50'000};
  nanosleep(&kShort, nullptr);
  const auto own = read_record(program, static_cast<std::uint32_t>(gettid()));
  if (!own || own->arrival < other->arrival + other->slice_ns) return std::nullopt;
  const auto before = own->arrival - other->arrival - other->slice_ns;
  return before < own->now_ns ? std::optional(own->now_ns - before) : std::nullopt;
}

}  // namespace aiotrace::probe
