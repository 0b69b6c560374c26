#include "fleet/ingest.h"

#include <algorithm>
#include <string_view>

#include "fleet/labels.h"

namespace aiotrace::fleet {

namespace {

constexpr std::int64_t kNsPerS = 1'000'000'000;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

// Neither a URL nor the braces with labels need it escaped.
std::string plain(std::string_view text) {
  std::string made(text);
  std::ranges::replace_if(made, [](char c) { return !is_plain(c); }, '_');
  return made;
}

}  // namespace

bool ProfileBudget::take(std::uint64_t now_ns) {
  constexpr std::uint64_t kHourNs = 3'600'000'000'000;
  while (!begun_ns_.empty() && now_ns - begun_ns_.front() >= kHourNs) begun_ns_.pop_front();
  if (begun_ns_.size() >= per_hour_) return false;
  begun_ns_.push_back(now_ns);
  return true;
}

std::string ingest_path(const ProfileName& name) {
  std::string labels;
  const auto add = [&labels](std::string_view key, std::string_view value) {
    if (value.empty()) return;
    labels.append(labels.empty() ? "" : "%2C").append(key).append("%3D").append(plain(value));
  };
  const auto& service = name.service;
  add("host_name", name.host);
  add("service_namespace", service.service_namespace);
  add("systemd_unit", service.unit);
  add("container_id", service.container_id);
  add("k8s_pod_name", service.pod);
  add("k8s_namespace_name", service.pod_namespace);
  add("profile_id", name.id);
  return "/ingest?name=" + plain(service_name(service)) + "%7B" + labels +
         "%7D&from=" + std::to_string(name.from_unix_ns / kNsPerS) +
         "&until=" + std::to_string((name.until_unix_ns + kNsPerS - 1) / kNsPerS) + "&format=pprof";
}

}  // namespace aiotrace::fleet
