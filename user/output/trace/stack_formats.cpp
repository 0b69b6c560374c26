#include "output/trace/stack_formats.h"

#include "output/trace/pprof.h"
#include "output/trace/speedscope.h"

namespace aiotrace::output {

const std::array<StackFormat, kStackFormats> kStackFormatTable{{
    {"--speedscope", "speedscope",
     [](const model::WeightedStacks& stacks, const StackFileHead& head) -> Result<std::string> {
       return speedscope(stacks, head.title, head.exporter);
     }},
    {"--pprof", "go tool pprof",
     [](const model::WeightedStacks& stacks, const StackFileHead& head) -> Result<std::string> {
       return pprof(stacks, {.start_unix_ns = head.start_unix_ns, .duration_ns = head.duration_ns});
     }},
}};

}  // namespace aiotrace::output
