// What can be read in a library file without loading it. 64-bit ELF of this machine's byte order.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace epp::check {

class ElfFile {
 public:
  struct Symbol {
    std::string name;
    unsigned char binding = 0;     // STB_*
    unsigned char visibility = 0;  // STV_*
    bool defined = false;
  };

  // nullopt, with the reason in `error`, for what is no such file. Nothing outside of the file is ever read.
  static std::optional<ElfFile> read(const std::string& path, std::string& error);

  const std::vector<Symbol>& dynamic_symbols() const { return dynamic_symbols_; }
  const std::vector<Symbol>& symbols() const { return symbols_; }  // empty when stripped
  const std::vector<std::string>& needed() const { return needed_; }
  bool has_symbol(std::string_view name) const;  // in either table, defined or not
  uint64_t flags() const { return flags_; }      // DF_*
  uint64_t flags_1() const { return flags_1_; }  // DF_1_*
  bool text_relocations() const { return text_relocations_; }
  bool executable_stack() const { return executable_stack_; }
  // Whether some executable segment contains these bytes.
  bool has_code(std::span<const uint8_t> pattern) const;

 private:
  struct Range {
    size_t offset = 0;
    size_t size = 0;
  };
  template <typename T>
  bool load(size_t offset, T& value) const;
  std::string text(const Range& strings, size_t offset) const;
  bool read_segments(std::string& error);
  bool read_sections(std::string& error);
  std::vector<Symbol> read_symbols(const Range& table, const Range& strings) const;
  void read_dynamic(const Range& table, const Range& strings);

  std::vector<uint8_t> bytes_;
  std::vector<Range> code_;
  std::vector<Symbol> dynamic_symbols_;
  std::vector<Symbol> symbols_;
  std::vector<std::string> needed_;
  uint64_t flags_ = 0;
  uint64_t flags_1_ = 0;
  bool text_relocations_ = false;
  bool executable_stack_ = false;
};

}  // namespace epp::check
