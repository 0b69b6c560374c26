#include "tests/fuzz/lying_memory.h"

#include <cerrno>
#include <cstring>
#include <random>

namespace aiotrace::fuzz {

int LyingMemory::try_read(std::uint64_t address, std::span<std::byte> into) const {
  ++reads_;
  const bool by_address = way_ == Way::image || way_ == Way::torn;
  if (bytes_.empty() || (by_address && address < 16)) return EFAULT;
  if (way_ == Way::stream && at_ + into.size() > bytes_.size()) return EFAULT;
  std::uint64_t from = (by_address ? address : at_) % bytes_.size();
  at_ += into.size();
  for (std::size_t done = 0; done < into.size();) {
    const std::size_t part = std::min<std::uint64_t>(into.size() - done, bytes_.size() - from);
    std::memcpy(into.data() + done, bytes_.data() + from, part);
    done += part;
    from = 0;
  }
  if (way_ == Way::torn && reads_ % 7 == 0 && !into.empty()) {
    into[reads_ % into.size()] ^= static_cast<std::byte>(reads_);
  }
  return 0;
}

python::Interpreter made_up_interpreter(std::uint8_t which) {
  const auto known = python::known_layouts();
  python::Interpreter made;
  made.layout = known[which % known.size()];
  made.version_hex = made.layout.bpf.version;
  made.runtime = 0x10000;
  made.main_interpreter = 0x11000;
  made.interpreters_head = 0x12000;
  made.gil_addr = 0x13000;
  made.gc_addr = 0x14000;
  made.current_tasks = 0x15000;
  made.coro_type = kCoroType;
  made.gen_type = kGenType;
  made.async_gen_type = kAsyncGenType;
  made.text_start = 0x400000;
  made.text_end = 0x800000;
  made.initialized = made.asyncio_loaded = true;
  return made;
}

Setting::Setting(Bytes bytes)
    : input(bytes),
      interpreter(made_up_interpreter(input.byte())),
      start(input.number(8)),
      extra(input.number(2)),
      memory(static_cast<LyingMemory::Way>(input.byte() % 4), input.rest()) {}

std::vector<std::string> memory_seeds() {
  std::vector<std::string> seeds;
  std::mt19937_64 random(7);
  const std::uint64_t small[] = {0, 1, 2, 3, 7, 8, 0x10, 0x1000, kCoroType, kGenType, kAsyncGenType, ~std::uint64_t{0}};
  for (char version = 0; version < static_cast<char>(python::known_layouts().size()); ++version) {
    for (char way = 0; way < 4; ++way) {
      std::string seed{version};
      const std::uint64_t start = 0x10000;
      seed.append(reinterpret_cast<const char*>(&start), 8).append({0, 1, way});
      for (std::size_t word = 0; word < 256; ++word) {
        const std::uint64_t value = random() % 2 ? small[random() % std::size(small)]
                                                 : 0x10000 + random() % 2048 / 8 * 8;
        seed.append(reinterpret_cast<const char*>(&value), 8);
      }
      seeds.push_back(std::move(seed));
    }
  }
  return seeds;
}

}  // namespace aiotrace::fuzz
