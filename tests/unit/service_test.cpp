// The owner of a process, from the control group paths of the runtimes, and from its environment.
#include "proc/service.h"

#include <string>
#include <vector>

#include "tests/catch.h"
#include "util/text.h"

using aiotrace::proc::CgroupOwner;
using aiotrace::proc::declared_service;
using aiotrace::proc::kMaxServiceText;
using aiotrace::proc::kubelet_names;
using aiotrace::proc::make_service;
using aiotrace::proc::owner_of_cgroup;
using aiotrace::proc::owner_path;
using aiotrace::proc::service_text;
using aiotrace::proc::ServiceSource;

namespace {

const std::string kId = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kOuter(64, 'f');
const std::string kUid = "5f0c1a2b-3c4d-5e6f-7081-92a3b4c5d6e7";
const std::string kUidUnderscored = "5f0c1a2b_3c4d_5e6f_7081_92a3b4c5d6e7";

using namespace std::string_literals;

}  // namespace

TEST_CASE("service: containers and pods, as each runtime and driver names their groups", "[service]") {
  struct Form {
    std::string path;
    CgroupOwner owner;
  };
  const std::vector<Form> forms = {
      // the systemd driver
      {"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + kUidUnderscored + ".slice/cri-containerd-" +
           kId + ".scope",
       {kId, kUid, ""}},
      {"/kubepods.slice/kubepods-pod" + kUidUnderscored + ".slice/crio-" + kId + ".scope", {kId, kUid, ""}},
      {"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + kUidUnderscored + ".slice/docker-" + kId +
           ".scope",
       {kId, kUid, ""}},
      // a static pod's uid is the hash of its file
      {"/kubepods.slice/kubepods-burstable-pod0123456789abcdef0123456789abcdef.slice/cri-containerd-" + kId + ".scope",
       {kId, "0123456789abcdef0123456789abcdef", ""}},
      // the cgroupfs driver
      {"/kubepods/burstable/pod" + kUid + "/" + kId, {kId, kUid, ""}},
      {"/kubepods/pod" + kUid + "/" + kId, {kId, kUid, ""}},
      // containerd with the wrong driver
      {"/system.slice/containerd.service/kubepods-burstable-pod" + kUidUnderscored + ".slice:cri-containerd:" + kId,
       {kId, kUid, ""}},
      // seen from another pod's cgroup namespace
      {"/../../pod" + kUid + "/" + kId, {kId, kUid, ""}},
      {"/../../kubepods-burstable-pod" + kUidUnderscored + ".slice/cri-containerd-" + kId + ".scope", {kId, kUid, ""}},
      // kind: a node is a container
      {"/docker/" + kOuter + "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + kUidUnderscored +
           ".slice/cri-containerd-" + kId + ".scope",
       {kId, kUid, ""}},
      // without Kubernetes
      {"/docker/" + kId, {kId, "", ""}},
      {"/system.slice/docker-" + kId + ".scope", {kId, "", ""}},
      {"/machine.slice/libpod-" + kId + ".scope/container", {kId, "", ""}},
      {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + kId + ".scope", {kId, "", ""}},
      {"/ecs/task/" + kId, {kId, "", ""}},
      {"/lxc/web", {"web", "", ""}},
      {"/lxc.payload/web", {"web", "", ""}},
      {"/lxc.payload.web/system.slice/app.service", {"web", "", "app.service"}},
      // systemd
      {"/system.slice/web.service", {"", "", "web.service"}},
      {"/system.slice/system-web.slice/web@1.service/worker", {"", "", "web@1.service"}},
      {"/system.slice/_cgroup.service", {"", "", "cgroup.service"}},
      {"/user.slice/user-0.slice/session-3.scope", {"", "", "session-3.scope"}},
      {"/user.slice/user-1000.slice/user@1000.service/app.slice/app.service", {"", "", "app.service"}},
      // neither
      {"/", {}},
      {"", {}},
      {"/init.scope", {}},
      {"/lxc.monitor.web", {}},
      {"/kubepods.slice/crio-conmon-" + kId + ".scope", {"", "", "crio-conmon-" + kId + ".scope"}},
      {"/app/tripod" + kUid, {}},
      {"/app/x" + kId, {}},
      {"/app/" + kId.substr(1) + "X", {}},
  };
  for (const auto& [path, owner] : forms) {
    CAPTURE(path);
    const auto found = owner_of_cgroup(path);
    CHECK(found.container_id == owner.container_id);
    CHECK(found.pod_uid == owner.pod_uid);
    CHECK(found.unit == owner.unit);
  }
}

TEST_CASE("service: the hierarchy that names the owner", "[service]") {
  CHECK(owner_path("0::/system.slice/a.service\n") == "/system.slice/a.service");
  CHECK(owner_path("4:cpu,cpuacct:/docker/x\n3:memory:/y\n1:name=systemd:/z\n0::/\n") == "/z");
  CHECK(owner_path("4:cpu,cpuacct:/docker/x\n3:memory:/y\n0::/\n") == "/docker/x");
  CHECK(owner_path("3:memory:/y\n") == "/y");
  CHECK(owner_path("5:cpuset:/other\n0::/\n") == "/");
  CHECK(owner_path("5:cpuset:/other\n").empty());
  CHECK(owner_path("0::/with:colon\n") == "/with:colon");
  CHECK(owner_path("torn\n1:\n::\n").empty());
  CHECK(owner_path("").empty());
}

TEST_CASE("service: what OpenTelemetry's variables say", "[service]") {
  const auto by_name = declared_service("A=1\0OTEL_SERVICE_NAME=shop\0OTEL_RESOURCE_ATTRIBUTES=service.name=no\0"s);
  CHECK(by_name.name == "shop");
  CHECK_FALSE(by_name.from_attributes);
  const auto by_attributes = declared_service(
      "XOTEL_SERVICE_NAME=no\0OTEL_SERVICE_NAME=\0"
      "OTEL_RESOURCE_ATTRIBUTES=broken,service.name=caf%C3%A9%20%2, service.namespace = eu ,service.name=second\0"s);
  CHECK(by_attributes.name == "café %2");
  CHECK(by_attributes.from_attributes);
  CHECK(by_attributes.service_namespace == "eu");
  CHECK(declared_service("").name.empty());
  CHECK(declared_service("OTEL_SERVICE_NAME").name.empty());
}

TEST_CASE("service: the name, and from where it comes", "[service]") {
  const auto pod = "0::/kubepods/pod" + kUid + "/" + kId + "\n";
  auto service = make_service(pod, "OTEL_SERVICE_NAME=shop"s, "python3");
  CHECK((service.name == "shop" && service.source == ServiceSource::environment));
  CHECK((service.container_id == kId && service.pod_uid == kUid));

  service = make_service(pod, "OTEL_RESOURCE_ATTRIBUTES=service.name=cart", "python3");
  CHECK((service.name == "cart" && service.source == ServiceSource::attributes));

  service = make_service(pod, "", "python3");
  CHECK((service.name == "0123456789ab" && service.source == ServiceSource::container));

  service = make_service("0::/system.slice/web\\x2dapi.service\n", "", "python3");
  CHECK((service.name == "web-api" && service.source == ServiceSource::unit));
  CHECK(service.unit == "web\\x2dapi.service");

  // A process that somebody started by hand is no service of its session.
  service = make_service("0::/user.slice/user-0.slice/session-3.scope\n", "", "python3");
  CHECK((service.name == "python3" && service.source == ServiceSource::command));
  CHECK(service.unit == "session-3.scope");
  service = make_service("0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", "", "python3");
  CHECK((service.name == "python3" && service.source == ServiceSource::command));
  service = make_service("", "", "");
  CHECK((service.name.empty() && service.source == ServiceSource::command));
}

TEST_CASE("service: the kubelet's links name pod, namespace and container", "[service]") {
  const auto names = kubelet_names("web-6d4cf56db6-x2x1z_shop_app-" + kId + ".log", kId);
  CHECK(names.pod == "web-6d4cf56db6-x2x1z");
  CHECK(names.pod_namespace == "shop");
  CHECK(names.container == "app");
  for (const auto& wrong :
       {"web_shop_app-" + kOuter + ".log", "web_shop_app" + kId + ".log", "web_shop-" + kId + ".log",
        "web_shop_app-" + kId, "__-" + kId + ".log", "a_b_c_d-" + kId + ".log", std::string()})
    CHECK(kubelet_names(wrong, kId).pod.empty());
  CHECK(kubelet_names("a_b_c-.log", "").pod.empty());
}

TEST_CASE("service: hostile text is bounded, valid and without control characters", "[service]") {
  CHECK(service_text("a\nb\x1b[31m\xffz\u202e") == "a\ufffdb\ufffd[31m\ufffdz\ufffd");
  CHECK(service_text(std::string(12'000, 'x')) == std::string(kMaxServiceText, 'x'));
  // Never half a character at the end.
  const auto cut = service_text("x" + [] {
    std::string wide;
    for (int i = 0; i < 100; ++i) wide += "é";
    return wide;
  }());
  CHECK(cut.size() == kMaxServiceText - 1);
  CHECK(aiotrace::valid_utf8(cut) == cut);

  const std::string huge = "0::/lxc/" + std::string(100'000, '\x01') + ".service\n";
  const auto service = make_service(huge, "OTEL_SERVICE_NAME=" + std::string(100'000, '"'), std::string(99, '\n'));
  CHECK(service.name == std::string(kMaxServiceText, '"'));
  CHECK(service.container_id.size() <= kMaxServiceText);
}
