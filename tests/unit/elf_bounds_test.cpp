// ELF files that claim more than they have, and the cost limits for a stranger's files.
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "proc/elf_image.h"
#include "proc/file_budget.h"
#include "proc/sparse_file.h"
#include "symbolize/debug_frame.h"
#include "symbolize/symbol_table.h"
#include "tests/catch.h"
#include "util/unique_fd.h"

using namespace aiotrace;
using proc::ElfHeaders;
using proc::ElfImage;
using proc::FileAccount;
using proc::FileBudget;

namespace {

struct Part {
  std::string name;
  std::uint32_t type = SHT_PROGBITS;
  std::string content;
  std::uint64_t claimed = 0;  // bytes that it says it has; 0: those of the content
  std::uint32_t link = 0;
};

/// A file with these sections, which begin at index 2; 1 is code.
class Made {
 public:
  explicit Made(const std::vector<Part>& parts) : fd_(::memfd_create("made", MFD_CLOEXEC)) {
    std::string names(1, '\0');
    std::vector<Elf64_Shdr> rows(2);
    rows[1].sh_type = SHT_PROGBITS;
    rows[1].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    rows[1].sh_addr = 0x1000;
    rows[1].sh_size = 0x1000;
    std::uint64_t at = 8192;
    for (const auto& part : parts) {
      auto& row = rows.emplace_back();
      row.sh_name = static_cast<std::uint32_t>(names.size());
      names += part.name + '\0';
      row.sh_type = part.type;
      row.sh_offset = row.sh_addr = at;
      row.sh_size = part.claimed != 0 ? part.claimed : part.content.size();
      row.sh_link = part.link;
      put(at, part.content);
      at += (row.sh_size + 15) & ~std::uint64_t{15};
    }
    auto& last = rows.emplace_back();
    last.sh_type = SHT_STRTAB;
    last.sh_offset = at;
    last.sh_size = names.size();
    put(at, names);
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_shentsize = sizeof(Elf64_Shdr);
    header.e_shnum = static_cast<std::uint16_t>(rows.size());
    header.e_shstrndx = static_cast<std::uint16_t>(rows.size() - 1);
    header.e_shoff = 64;
    sections = rows;
    write_headers();
  }
  void put(std::uint64_t at, std::string_view bytes) const {
    REQUIRE(::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) ==
            static_cast<ssize_t>(bytes.size()));
  }
  void write_headers() const {
    put(0, {reinterpret_cast<const char*>(&header), sizeof header});
    put(64, {reinterpret_cast<const char*>(sections.data()), sections.size() * sizeof(Elf64_Shdr)});
  }
  void grow(std::uint64_t size) const { REQUIRE(::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0); }
  [[nodiscard]] Result<ElfImage> open() const {
    return ElfImage::open_file("/proc/self/fd/" + std::to_string(fd_.get()), {.pid = 4711, .user = 1001});
  }
  [[nodiscard]] int fd() const { return fd_.get(); }

  Elf64_Ehdr header{};
  std::vector<Elf64_Shdr> sections;

 private:
  UniqueFd fd_;
};

Elf64_Sym function(std::uint32_t name, std::uint64_t address) {
  Elf64_Sym symbol{};
  symbol.st_name = name;
  symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
  symbol.st_shndx = 1;
  symbol.st_value = address;
  symbol.st_size = 1;
  return symbol;
}

template <class T>
std::string bytes_of(const std::vector<T>& rows) {
  return {reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(T)};
}

}  // namespace

TEST_CASE("elf: more sections or segments than any file has are refused by the headers alone", "[elf][budget]") {
  Made made({});
  REQUIRE(made.open());
  const auto before = FileBudget::of_program().refused();
  made.grow(std::uint64_t{4} << 30);
  made.header.e_shnum = 0;
  made.sections[0].sh_size = 40'000'000;
  made.write_headers();
  auto refused = made.open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().ends_with("too large to read: it claims 40000000 sections"));
  CHECK(FileBudget::of_program().refused() == before + 1);

  made.sections[0].sh_size = made.sections.size();
  made.header.e_phnum = PN_XNUM;
  made.header.e_phentsize = sizeof(Elf64_Phdr);
  made.sections[0].sh_info = 100'000'000;
  made.write_headers();
  refused = made.open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason == "too large to read: it claims 100000000 segments");

  made.header.e_phnum = 0;
  made.sections.back().sh_size = 1u << 30;
  made.write_headers();
  refused = made.open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().reason.ends_with("bytes of section names"));
}

TEST_CASE("elf: what is a hole, or more than its kind ever has, is not read", "[elf][budget]") {
  const Made made({{.name = ".dynamic", .type = SHT_DYNAMIC, .content = "x", .claimed = 500u << 20, .link = 3},
                   {.name = ".dynstr", .type = SHT_STRTAB, .content = "x", .claimed = 0, .link = 0},
                   {.name = ".eh_frame", .type = SHT_PROGBITS, .content = "", .claimed = 3u << 20, .link = 0},
                   {.name = ".note.gnu.build-id", .type = SHT_NOTE, .content = "", .claimed = 1u << 30, .link = 0}});
  const auto image = made.open();
  REQUIRE(image);
  const auto held = FileBudget::of_program().held();
  CHECK(image->soname().empty());
  CHECK(image->build_id().empty());
  CHECK(symbolize::eh_frame_only(*image).bytes.empty());
  CHECK(image->content(*image->section(".eh_frame"), 64u << 20).bytes.empty());
  CHECK_FALSE(image->may_be_read_whole());
  CHECK(FileBudget::of_program().held() == held);
}

TEST_CASE("elf: symbols that share one long name take its room once", "[elf][budget]") {
  std::vector<Elf64_Sym> symbols;
  for (std::uint32_t i = 0; i < 60'000; ++i) symbols.push_back(function(1, 0x1000 + i % 4096));
  symbols.push_back(function(3, 0x1fff));
  const Made made({{.name = ".dynsym", .type = SHT_DYNSYM, .content = bytes_of(symbols), .claimed = 0, .link = 3},
                   {.name = ".dynstr", .type = SHT_STRTAB, .content = '\0' + std::string(4000, 'n') + '\0'}});
  const auto image = made.open();
  REQUIRE(image);
  const auto before = FileBudget::of_program().held();
  symbolize::SymbolTable table;
  REQUIRE(table.add(*image, SHT_DYNSYM));
  table.finish();
  CHECK(table.size() == 4096);
  CHECK(FileBudget::of_program().held() - before < 60'001 * 24 + 8192);
  const auto hit = table.find(0x1001);
  REQUIRE(hit);
  CHECK(hit->name == std::string(4000, 'n'));
  CHECK(table.find(0x1fff)->name == std::string(3998, 'n'));
}

TEST_CASE("elf: a sparse file is one of which most is a hole", "[elf][budget]") {
  const UniqueFd fd(::memfd_create("sparse", MFD_CLOEXEC));
  REQUIRE(::ftruncate(fd.get(), 64 << 20) == 0);
  CHECK(proc::is_mostly_hole(fd.get(), 0, 64u << 20));
  CHECK(proc::is_mostly_hole(fd.get(), 4096, 1u << 20));
  CHECK_FALSE(proc::is_mostly_hole(fd.get(), 0, 64u << 10));
  const std::string mib(1u << 20, 'x');
  REQUIRE(::pwrite(fd.get(), mib.data(), mib.size(), 0) == static_cast<ssize_t>(mib.size()));
  CHECK_FALSE(proc::is_mostly_hole(fd.get(), 0, 1u << 20));
  CHECK_FALSE(proc::is_mostly_hole(fd.get(), 0, 3u << 19));
  CHECK(proc::is_mostly_hole(fd.get(), 0, 4u << 20));
}

TEST_CASE("what one user's files cost leaves the others theirs", "[elf][budget]") {
  FileBudget budget({.file = 60, .process = 100, .user = 150, .total = 250, .checked = 50});
  const auto account = [&](pid_t pid, uid_t user) {
    return std::make_shared<FileAccount>(budget, FileBudget::Payer{pid, user}, std::to_string(pid));
  };
  const auto first = account(1, 1001);
  const auto second = account(1, 1001);
  const auto other_process = account(2, 1001);
  const auto other_user = account(3, 1002);
  auto share = first->take(60);
  CHECK(share);
  CHECK_FALSE(first->take(1));  // of the file
  const auto more = second->take(40);
  CHECK(more);
  CHECK_FALSE(second->take(1));  // of the process
  const auto most = other_process->take(50);
  CHECK(most);
  CHECK_FALSE(other_process->take(1));  // of the user
  CHECK(budget.refused() == 2);         // files: the first process's are of one name here
  const auto theirs = other_user->take(60);
  CHECK(theirs);
  CHECK(budget.held() == 210);
  share = {};
  CHECK(budget.held() == 150);
  CHECK(first->take(50));
  CHECK(budget.held() == 150);
  CHECK(first->spend(50));
  CHECK_FALSE(second->spend(1));
  CHECK(other_user->spend(50));
}
