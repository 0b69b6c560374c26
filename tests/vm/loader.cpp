// Loads BPF objects that any clang made, with the constants that aiotrace's commands set, and attaches nothing: does
// the verifier of this kernel accept them?
//
//   loader [--layouts N] FOLDER…      FOLDER: aiotrace.linked.o, origin.bpf.o, steps.bpf.o (make bpf)
//   loader --occupy FUNCTION          attaches empty fentry programs to a function of the kernel until there is no room
//                                     left, prints how many, and keeps them until its standard input ends
//   loader --occupy-tracepoint NAME   the same with programs on a tracepoint
//
// A line of JSON for each folder: {"folder", "errors": [text], "loads", "largest", "instructions"}, the last two for
// the program that took the verifier most. N of the Python versions serve for origin and steps (default: all). Exit
// status 1 if the kernel refused a program.
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/config.h"
#include "abi/origin.h"
#include "abi/profile.h"
#include "abi/steps.h"
#include "probe/load_log.h"
#include "probe/perf_events.h"
#include "probe/poll_probe.h"
#include "probe/tracefs.h"
#include "python/layout.h"
#include "util/unique_fd.h"

using namespace aiotrace;

namespace {

struct ObjectCloser {
  void operator()(bpf_object* object) const noexcept { bpf_object__close(object); }
};
using Object = std::unique_ptr<bpf_object, ObjectCloser>;

constexpr const char* kCore = "aiotrace.linked.o";
constexpr const char* kOrigin = "origin.bpf.o";
constexpr const char* kSteps = "steps.bpf.o";

struct Verdict {
  std::string folder;
  std::vector<std::string> errors;
  int loads = 0;
  std::string largest;
  std::uint64_t instructions = 0;
};

// The names differ between objects linked by bpftool and compiled ones.
bpf_map* constants_of(bpf_object* object) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (std::string_view(bpf_map__name(map)).ends_with(".rodata")) return map;
  }
  return nullptr;
}

// Where a constant lies in the section .rodata; libbpf has completed the offsets when it opened the object.
std::optional<std::size_t> offset_of(const bpf_object* object, std::string_view name) {
  const btf* types = bpf_object__btf(object);
  const auto id = btf__find_by_name_kind(types, ".rodata", BTF_KIND_DATASEC);
  if (id < 0) return std::nullopt;
  const auto* section = btf__type_by_id(types, static_cast<std::uint32_t>(id));
  for (const auto& each : std::span(btf_var_secinfos(section), btf_vlen(section))) {
    if (name == btf__name_by_offset(types, btf__type_by_id(types, each.type)->name_off)) return each.offset;
  }
  return std::nullopt;
}

template <class T>
bool set_constant(bpf_object* object, std::string_view name, const T& value) {
  bpf_map* map = constants_of(object);
  const auto offset = offset_of(object, name);
  std::size_t size = 0;
  const void* now = map != nullptr ? bpf_map__initial_value(map, &size) : nullptr;
  if (now == nullptr || !offset || *offset + sizeof(T) > size) return false;
  std::vector<std::byte> bytes(size);
  std::memcpy(bytes.data(), now, size);
  std::memcpy(bytes.data() + *offset, &value, sizeof(T));
  return bpf_map__set_initial_value(map, bytes.data(), size) == 0;
}

Object open(Verdict& verdict, const char* name) {
  probe::forget_warnings();
  Object object(bpf_object__open_file((verdict.folder + "/" + name).c_str(), nullptr));
  if (!object) verdict.errors.push_back(fmt::format("{}: {}", name, probe::last_warning()));
  return object;
}

void keep_largest(Verdict& verdict, const std::vector<std::string>& lines) {
  for (const auto& line : lines) {  // "program NAME: N instructions …"
    const auto colon = line.find(": ");
    std::uint64_t count = 0;
    std::from_chars(line.data() + colon + 2, line.data() + line.size(), count);
    if (count <= verdict.instructions) continue;
    verdict.instructions = count;
    verdict.largest = line.substr(8, colon - 8);
  }
}

// Loads an object that open_again() opens and configures. If statistics are requested, the verifier does not report why
// it refused a program, so then the load is repeated without them.
template <class OpenAgain>
void load(Verdict& verdict, const std::string& how, OpenAgain open_again) {
  verdict.loads++;
  for (const bool with_statistics : {true, false}) {
    Object object = open_again();
    if (!object) return;
    std::optional<probe::LoadStatistics> statistics;
    if (with_statistics) statistics.emplace(object.get());
    probe::forget_warnings();
    if (bpf_object__load(object.get()) == 0) {
      if (statistics) keep_largest(verdict, statistics->lines());
      return;
    }
    if (!with_statistics) verdict.errors.push_back(fmt::format("{}: {}", how, probe::last_warning()));
  }
}

bool is_loadable(std::string_view section) {
  if (section.starts_with("fentry/") && probe::fentry_forbidden()) return false;
  return !section.ends_with("epoll_pwait2") || probe::has_epoll_pwait2();
}

void load_core(Verdict& verdict, const std::string& how, const session_config& session, const profile_config& profile) {
  load(verdict, how, [&] {
    Object object = open(verdict, kCore);
    if (!object) return object;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object.get()) {
      const bool of_profile = std::string_view(bpf_program__name(program)).starts_with("profile_");
      const bool wanted = profile.waits == 0 || of_profile;
      bpf_program__set_autoload(program, wanted && is_loadable(bpf_program__section_name(program)));
    }
    if (!set_constant(object.get(), "session", session) || !set_constant(object.get(), "profile", profile)) {
      verdict.errors.push_back(fmt::format("{}: no constants of this name and size", how));
      object.reset();
    }
    return object;
  });
}

void load_core(Verdict& verdict) {
  session_config session{};
  session.warn_ns = 50'000'000;
  session.young_ns = 5'000'000;
  session.coarse_ns = session.fine_after_ns = 10'000'000;
  session.segment_ns = 1'000'000;
  load_core(verdict, "watch", session, {});
  session.native_ns = 1'000'000;
  session.trace_all = session.follow = 1;
  load_core(verdict, "watch -a --native --follow", session, {});
  load_core(verdict, "profile", session, {.min_ns = 1'000'000, .tasks = 1, .gil = 1, .waits = 1, .pad = 0});
}

template <class Config>
void load_alone(Verdict& verdict, const char* name, const Config& config) {
  load(verdict, fmt::format("{} for Python {:#010x}", name, config.layout.version), [&] {
    Object object = open(verdict, name);
    if (object && !set_constant(object.get(), "config", config)) {
      verdict.errors.push_back(fmt::format("{}: no constant `config` of this size", name));
      object.reset();
    }
    return object;
  });
}

// Addresses are not known without a process: any serve.
origin_config origin_of(const python::Layout& layout) {
  origin_config config{};
  config.pid = 1;
  config.own_frame = layout.bpf.version >= 0x030b0000 ? 1 : 0;
  config.interpreters_head = config.coro_type = config.async_gen_type = 4096;
  config.layout = layout.bpf;
  return config;
}

step_config steps_of(const python::Layout& layout) {
  const auto& user = layout.user;
  step_config config{};
  config.pid = 1;
  config.send_gives_object = layout.bpf.version < 0x030a0000 ? 1 : 0;
  config.nested_sends = layout.bpf.version < 0x030c0000 ? 1 : 0;
  config.coro_type = config.gen_type = config.async_gen_type = config.none = config.sleep_code = config.timer_type =
      4096;
  config.timer_when = 48;
  config.match_length = 3;
  config.float_value = user.float_value;
  config.coro_frame = user.coro_frame;
  config.coro_code = user.coro_code;
  config.coro_state = user.coro_state;
  config.code_code = user.code_code;
  config.frame_stacktop = user.frame_stacktop;
  config.frame_valuestack = user.frame_valuestack;
  config.type_basicsize = user.type_basicsize;
  config.type_flags = user.type_flags;
  config.unicode_kind_shift = user.unicode_kind_shift;
  config.unicode_compact_bit = user.unicode_compact_bit;
  config.unicode_ascii_bit = user.unicode_ascii_bit;
  config.layout = layout.bpf;
  return config;
}

// `count` of them, the oldest and the newest among them.
std::vector<python::Layout> spread(std::size_t count) {
  const auto all = python::known_layouts();
  count = std::clamp<std::size_t>(count, 1, all.size());
  std::vector<python::Layout> some;
  for (std::size_t i = 0; i < count; i++)
    some.push_back(all[count == 1 ? all.size() - 1 : i * (all.size() - 1) / (count - 1)]);
  return some;
}

Verdict load_folder(std::string folder, std::size_t layouts) {
  Verdict verdict;
  verdict.folder = std::move(folder);
  for (const char* name : {kCore, kOrigin, kSteps}) {
    if (!open(verdict, name)) return verdict;
  }
  load_core(verdict);
  for (const auto& layout : spread(layouts)) {
    load_alone(verdict, kOrigin, origin_of(layout));
    load_alone(verdict, kSteps, steps_of(layout));
  }
  return verdict;
}

constexpr bpf_insn kReturnZero[] = {
    {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
    {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
};

// Attaches until it fails, prints how often it did not, and keeps all until the standard input ends.
int occupy(const std::function<std::optional<UniqueFd>()>& attach) {
  constexpr int kMost = 256;
  std::vector<UniqueFd> held;
  while (held.size() < kMost) {
    auto link = attach();
    if (!link) {
      std::cout << held.size() << std::endl;
      std::cin.get();
      return 0;
    }
    held.push_back(std::move(*link));
  }
  return 1;
}

// The kernel has room for about 40 (BPF_MAX_TRAMP_LINKS, include/linux/bpf.h).
int occupy_function(const char* function) {
  const int id = libbpf_find_vmlinux_btf_id(function, BPF_TRACE_FENTRY);
  if (id < 0) return 1;
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = BPF_TRACE_FENTRY,
              .attach_btf_id = static_cast<__u32>(id));
  return occupy([&]() -> std::optional<UniqueFd> {
    // One that is attached is kept by its link.
    const UniqueFd program(
        bpf_prog_load(BPF_PROG_TYPE_TRACING, "occupy", "GPL", kReturnZero, std::size(kReturnZero), &options));
    UniqueFd link(program ? bpf_raw_tracepoint_open(nullptr, program.get()) : -1);
    return link ? std::optional(std::move(link)) : std::nullopt;
  });
}

// It has room for 64 programs (BPF_TRACE_MAX_PROGS, kernel/trace/bpf_trace.c).
int occupy_tracepoint(const std::string& name) {
  const auto id = probe::tracepoint_id(name);
  if (!id) return 1;
  return occupy([&]() -> std::optional<UniqueFd> {
    const UniqueFd program(
        bpf_prog_load(BPF_PROG_TYPE_TRACEPOINT, "occupy", "GPL", kReturnZero, std::size(kReturnZero), nullptr));
    perf_event_attr attr{};
    attr.type = PERF_TYPE_TRACEPOINT;
    attr.config = *id;
    UniqueFd event = probe::open_perf_event(attr, -1, 0);
    if (!program || !event || ioctl(event.get(), PERF_EVENT_IOC_SET_BPF, program.get()) != 0) return std::nullopt;
    return event;
  });
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> folders(argv + 1, argv + argc);
  std::size_t layouts = python::known_layouts().size();
  if (folders.size() >= 2 && folders[0] == "--layouts") {
    layouts = std::strtoul(folders[1].c_str(), nullptr, 10);
    folders.erase(folders.begin(), folders.begin() + 2);
  }
  if (folders.size() == 2 && folders[0] == "--occupy") return occupy_function(folders[1].c_str());
  if (folders.size() == 2 && folders[0] == "--occupy-tracepoint") return occupy_tracepoint(folders[1]);
  probe::keep_warnings();
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  bool refused = false;
  for (const auto& folder : folders) {
    const auto verdict = load_folder(folder, layouts);
    refused = refused || !verdict.errors.empty();
    std::cout << nlohmann::json{{"folder", verdict.folder},
                                {"errors", verdict.errors},
                                {"loads", verdict.loads},
                                {"largest", verdict.largest},
                                {"instructions", verdict.instructions}}
                     .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
              << std::endl;
  }
  return refused ? 1 : 0;
}
