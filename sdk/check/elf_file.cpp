#include "check/elf_file.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include <elf.h>

namespace epp::check {

template <typename T>
bool ElfFile::load(size_t offset, T& value) const {
  if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) return false;
  std::memcpy(&value, bytes_.data() + offset, sizeof(T));
  return true;
}

std::string ElfFile::text(const Range& strings, size_t offset) const {
  if (offset >= strings.size || strings.offset > bytes_.size() || bytes_.size() - strings.offset < strings.size)
    return {};
  const auto* const begin = reinterpret_cast<const char*>(bytes_.data() + strings.offset + offset);
  return {begin, ::strnlen(begin, strings.size - offset)};
}

std::optional<ElfFile> ElfFile::read(const std::string& path, std::string& error) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    error = "it cannot be read";
    return std::nullopt;
  }
  ElfFile elf;
  elf.bytes_.assign(std::istreambuf_iterator<char>(file), {});
  if (!elf.read_segments(error) || !elf.read_sections(error)) return std::nullopt;
  return elf;
}

bool ElfFile::read_segments(std::string& error) {
  Elf64_Ehdr header;
  if (!load(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    error = "it is no ELF file";
    return false;
  }
  const uint16_t order = 1;
  const bool little = *reinterpret_cast<const unsigned char*>(&order) == 1;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != (little ? ELFDATA2LSB : ELFDATA2MSB)) {
    error = "it is not for 64-bit machines of this byte order";
    return false;
  }
  if (header.e_type != ET_DYN) {
    error = "it is no shared object";
    return false;
  }
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!load(header.e_phoff + i * sizeof segment, segment)) break;
    if (segment.p_type == PT_GNU_STACK) executable_stack_ = (segment.p_flags & PF_X) != 0;
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0)
      code_.push_back({segment.p_offset, segment.p_filesz});
  }
  return true;
}

bool ElfFile::read_sections(std::string& error) {
  Elf64_Ehdr header;
  if (!load(0, header)) return false;
  if (header.e_shnum == 0) {
    error = "it has no section headers, so its symbols cannot be read";
    return false;
  }
  std::vector<Elf64_Shdr> sections;
  for (size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    if (!load(header.e_shoff + i * sizeof section, section)) break;
    sections.push_back(section);
  }
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_DYNSYM && section.sh_type != SHT_SYMTAB && section.sh_type != SHT_DYNAMIC) continue;
    if (section.sh_link >= sections.size()) continue;
    const Range table{section.sh_offset, section.sh_size};
    const Range strings{sections[section.sh_link].sh_offset, sections[section.sh_link].sh_size};
    if (section.sh_type == SHT_DYNSYM) dynamic_symbols_ = read_symbols(table, strings);
    if (section.sh_type == SHT_SYMTAB) symbols_ = read_symbols(table, strings);
    if (section.sh_type == SHT_DYNAMIC) read_dynamic(table, strings);
  }
  return true;
}

std::vector<ElfFile::Symbol> ElfFile::read_symbols(const Range& table, const Range& strings) const {
  std::vector<Symbol> result;
  for (size_t at = sizeof(Elf64_Sym); at + sizeof(Elf64_Sym) <= table.size; at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    if (!load(table.offset + at, symbol)) break;
    result.push_back({text(strings, symbol.st_name), static_cast<unsigned char>(ELF64_ST_BIND(symbol.st_info)),
                      static_cast<unsigned char>(ELF64_ST_VISIBILITY(symbol.st_other)), symbol.st_shndx != SHN_UNDEF});
  }
  return result;
}

void ElfFile::read_dynamic(const Range& table, const Range& strings) {
  for (size_t at = 0; at + sizeof(Elf64_Dyn) <= table.size; at += sizeof(Elf64_Dyn)) {
    Elf64_Dyn entry;
    if (!load(table.offset + at, entry) || entry.d_tag == DT_NULL) return;
    if (entry.d_tag == DT_NEEDED) needed_.push_back(text(strings, entry.d_un.d_val));
    if (entry.d_tag == DT_FLAGS) flags_ = entry.d_un.d_val;
    if (entry.d_tag == DT_FLAGS_1) flags_1_ = entry.d_un.d_val;
    if (entry.d_tag == DT_TEXTREL) text_relocations_ = true;
  }
  if ((flags_ & DF_TEXTREL) != 0) text_relocations_ = true;
}

bool ElfFile::has_symbol(std::string_view name) const {
  const auto is = [name](const Symbol& symbol) { return symbol.name == name; };
  return std::any_of(symbols_.begin(), symbols_.end(), is) ||
         std::any_of(dynamic_symbols_.begin(), dynamic_symbols_.end(), is);
}

bool ElfFile::has_code(std::span<const uint8_t> pattern) const {
  return std::any_of(code_.begin(), code_.end(), [&](const Range& range) {
    if (range.offset > bytes_.size()) return false;
    const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(range.offset);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(range.size, bytes_.size() - range.offset));
    return std::search(begin, end, pattern.begin(), pattern.end()) != end;
  });
}

}  // namespace epp::check
