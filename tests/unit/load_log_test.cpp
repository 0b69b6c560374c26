#include "probe/load_log.h"

#include "tests/catch.h"

using aiotrace::probe::verifier_reason;

TEST_CASE("The verifier's reason is the end of its log", "[probe]") {
  const std::string warning =
      "libbpf: prog 'x': -- BEGIN PROG LOAD LOG --\n0: (b7) r2 = 0\n2140: (85) call bpf_probe_read_user#112\n"
      "R2 min value is negative\nprocessed 4450 insns (limit 1000000)\n-- END PROG LOAD LOG --\n";
  CHECK(verifier_reason(warning) == "2140: (85) call bpf_probe_read_user#112 | R2 min value is negative");
}

TEST_CASE("A warning without a verifier's log has no reason", "[probe]") {
  CHECK(verifier_reason("").empty());
  CHECK(verifier_reason("libbpf: failed to load object").empty());
  CHECK(verifier_reason("-- BEGIN PROG LOAD LOG --").size() < 100);
}
