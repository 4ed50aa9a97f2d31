#include "check/sanitizer.h"

#include "check/elf_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <unistd.h>

namespace epp::check {

namespace {

template <typename Function>
Function* find(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, name));
}

void append_option(const char* variable, const std::string& text) {
  const char* before = std::getenv(variable);
  const std::string value = before != nullptr && *before != '\0' ? std::string(before) + ':' + text : text;
  ::setenv(variable, value.c_str(), 1);
}

// The runtime that the library was linked with, else the one that this system's GCC comes with.
std::string runtime_of(const std::string& library) {
  std::string error;
  if (const auto elf = ElfFile::read(library, error)) {
    for (const std::string& name : elf->needed()) {
      if (name.find("libasan") != std::string::npos || name.find("clang_rt.asan") != std::string::npos) return name;
    }
  }
  return "libasan.so.8";
}

}  // namespace

bool under_address_sanitizer() {
  static const bool found = find<void()>("__asan_init") != nullptr;
  return found;
}

bool wants_address_sanitizer(const std::string& library) {
  std::string error;
  const auto elf = ElfFile::read(library, error);
  return elf && elf->has_symbol("__asan_init");
}

size_t sanitizer_allocated() {
  static auto* const count = find<size_t()>("__sanitizer_get_current_allocated_bytes");
  return count != nullptr ? count() : 0;
}

bool sanitizer_finds_leaks() {
  auto* const look = find<int()>("__lsan_do_recoverable_leak_check");
  return look != nullptr && look() != 0;
}

std::string start_again_with_sanitizer(const std::string& library, char** argv) {
  const std::string runtime = runtime_of(library);
  append_option("LD_PRELOAD", runtime);
  append_option("ASAN_OPTIONS",
                "exitcode=" + std::to_string(kSanitizerExit) + ":detect_leaks=1:leak_check_at_exit=0:abort_on_error=0");
  append_option("UBSAN_OPTIONS", "exitcode=" + std::to_string(kSanitizerExit) + ":print_stacktrace=1");
  // ld.so warns about a runtime that it does not find and goes on: this tells the second start from the first.
  ::setenv("EPP_PLUGIN_CHECK_SANITIZED", "1", 1);
  ::execv("/proc/self/exe", argv);
  return std::string("cannot start again with ") + runtime + ": " + std::strerror(errno);
}

}  // namespace epp::check
