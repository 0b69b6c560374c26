#include "app/output_files.h"

namespace aiotrace::app {

std::vector<AskedFile> stack_files(const OutputFiles& files) {
  std::vector<AskedFile> all{{"--folded", &files.folded}};
  for (std::size_t i = 0; i < files.stacks.size(); ++i)
    all.emplace_back(output::kStackFormatTable[i].option, &files.stacks[i]);
  return all;
}

}  // namespace aiotrace::app
