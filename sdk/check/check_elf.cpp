// elf.*: what the file itself says.
#include "check/elf_file.h"
#include "check/groups.h"

#include <epp/abi.h>

#include <array>
#include <string>

#include <elf.h>

namespace epp::check {

namespace {

// crtfastmath's set_fast_math on x86-64, in a library without symbols: or of DAZ and FTZ into the stored MXCSR.
constexpr std::array<uint8_t, 8> kSetFastMath = {0x81, 0x4c, 0x24, 0xfc, 0x40, 0x80, 0x00, 0x00};

bool exported(const ElfFile::Symbol& symbol) {
  return symbol.defined && !symbol.name.empty() && symbol.binding != STB_LOCAL &&
         (symbol.visibility == STV_DEFAULT || symbol.visibility == STV_PROTECTED);
}

void append_name(std::string& list, size_t& count, const std::string& name) {
  if (++count > 3) return;
  if (!list.empty()) list += ", ";
  list += name;
}

std::string rest(size_t count) {
  return count > 3 ? " and " + std::to_string(count - 3) + " more" : std::string();
}

}  // namespace

void check_elf(const Options& options, Channel& channel) {
  channel.step("", "reading the file");
  std::string error;
  const auto elf = ElfFile::read(options.file, error);
  if (!elf) {
    channel.fail("elf.exports", "", "Not examined: " + error + '.');
    return;
  }

  std::string others;
  std::string unique;
  size_t other_count = 0;
  size_t unique_count = 0;
  bool entry = false;
  for (const ElfFile::Symbol& symbol : elf->dynamic_symbols()) {
    if (!exported(symbol)) continue;
    if (symbol.name == EPP_ENTRY_SYMBOL) {
      entry = true;
    } else if (symbol.binding == STB_GNU_UNIQUE) {
      append_name(unique, unique_count, symbol.name);
    } else {
      append_name(others, other_count, symbol.name);
    }
  }
  if (!entry) channel.fail("elf.exports", "", "Does not export " EPP_ENTRY_SYMBOL ".");
  if (other_count != 0) channel.fail("elf.exports", "", "Exports " + others + rest(other_count) + '.');
  if (unique_count != 0) channel.fail("elf.unique-symbols", "", "Defines " + unique + rest(unique_count) + '.');
  if ((elf->flags_1() & DF_1_NODELETE) != 0) channel.fail("elf.nodelete", "", "Is marked DF_1_NODELETE.");
  if (elf->has_symbol("set_fast_math") || elf->has_code(kSetFastMath)) {
    channel.fail("elf.fast-math", "", "Has the start-up code of -ffast-math (set_fast_math).");
  }
  if (elf->has_symbol("__cxa_thread_atexit") || elf->has_symbol("__cxa_thread_atexit_impl")) {
    channel.warn("elf.thread-locals", "", "Registers destructors of thread-locals.");
  }
  if (elf->executable_stack()) channel.fail("elf.writable-code", "", "Asks for an executable stack.");
  if (elf->text_relocations()) channel.fail("elf.writable-code", "", "Has relocations in its code.");
}

}  // namespace epp::check
