// What aiotrace may do once its probes are in place: no more than it still needs.
#pragma once

#include "util/result.h"

namespace aiotrace::probe {

/// Gives up every capability but those that aiotrace uses from now on, as the root tier's privilege_test.cpp measures:
/// CAP_BPF and CAP_PERFMON for threads and processes to come, CAP_SYS_PTRACE and CAP_CHECKPOINT_RESTORE for memory and
/// mapped files, CAP_DAC_READ_SEARCH for files of others. CAP_SYS_ADMIN, if there, is put aside: out of effect, for
/// AdminForAMoment; it stays in effect where it stands for CAP_BPF or CAP_PERFMON. The bounding and the ambient set are
/// emptied, no program that is started from here on gains any, and memory has a limit (limit_memory). To be called
/// before the first byte of a target is read. For the calling thread, the only one.
Status drop_capabilities();

/// For who needs no rights at all (report, help): gives up all capabilities, behind sudo root too, for good.
Status drop_everything();

/// Of the calling thread: gives up all but what reading a process takes (CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE,
/// CAP_DAC_READ_SEARCH). For who parses the memory of others and traces nothing.
Status keep_capabilities_to_read();

/// CAP_SYS_ADMIN is in effect while this lives, if it was put aside: the kernel wants it for BPF_ENABLE_STATS.
class AdminForAMoment {
 public:
  AdminForAMoment();
  AdminForAMoment(const AdminForAMoment&) = delete;
  AdminForAMoment& operator=(const AdminForAMoment&) = delete;
  ~AdminForAMoment();

 private:
  bool raised_ = false;
};

}  // namespace aiotrace::probe
