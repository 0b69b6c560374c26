#include "probe/origin_probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "abi/origin.h"
#include "origin.skel.h"
#include "probe/handles.h"
#include "probe/load_log.h"
#include "probe/map_values.h"
#include "probe/perf_events.h"
#include "probe/permissions.h"

namespace aiotrace::probe {

struct OriginProbe::Impl {
  Skeleton<origin_bpf> skeleton;
  Links links;
  pid_t pid = 0;
};

OriginProbe::OriginProbe(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
OriginProbe::OriginProbe(OriginProbe&&) noexcept = default;
OriginProbe& OriginProbe::operator=(OriginProbe&&) noexcept = default;
OriginProbe::~OriginProbe() = default;

Result<OriginProbe> OriginProbe::load(const origin_config& config) {
  keep_warnings();
  forget_warnings();
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  if (auto status = check_host(); !status) return std::unexpected(status.error());
  auto impl = std::make_unique<Impl>();
  impl->pid = static_cast<pid_t>(config.pid);
  impl->skeleton.reset(origin_bpf::open());
  if (!impl->skeleton) return load_error("open the BPF programs", errno, last_warning());
  std::memcpy(&impl->skeleton->rodata->config, &config, sizeof(config));
  if (const int error = origin_bpf::load(impl->skeleton.get()); error != 0)
    return load_error("load the BPF programs", -error, last_warning());
  return OriginProbe(std::move(impl));
}

Status OriginProbe::attach(const std::string& path, std::uint64_t offset) {
  auto link = attach_uprobe(impl_->skeleton->progs.handle_made,
                            {.pid = impl_->pid, .path = path, .offset = offset, .at_return = true},
                            "set a uprobe in " + path);
  if (!link) return std::unexpected(link.error());
  impl_->links.push_back(std::move(*link));
  return {};
}

std::optional<Maker> OriginProbe::of(std::uint64_t address) const {
  origin found{};
  if (bpf_map__lookup_elem(impl_->skeleton->maps.origins, &address, sizeof(address), &found, sizeof(found), 0) != 0)
    return std::nullopt;
  return maker_of(found);
}

OriginCounts OriginProbe::counts() const {
  OriginCounts sums;
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return sums;
  std::vector<origin_counts> values(static_cast<std::size_t>(cpus));
  constexpr std::uint32_t kOnly = 0;
  if (bpf_map__lookup_elem(impl_->skeleton->maps.counts, &kOnly, sizeof(kOnly), values.data(),
                           values.size() * sizeof(values[0]), 0) != 0)
    return sums;
  for (const auto& value : values) {
    sums.traps += value.traps;
    sums.kept += value.kept;
    sums.no_stack += value.no_stack;
    sums.lost += value.lost;
    sums.run_ns += value.run_ns;
  }
  return sums;
}

}  // namespace aiotrace::probe
