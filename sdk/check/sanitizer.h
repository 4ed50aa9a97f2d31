// Running under AddressSanitizer.
//
// A library that was built with -fsanitize=address cannot be loaded by a program that was not, unless the runtime was
// there first. So the tool starts itself again with the runtime preloaded: the one that the library names, or GCC's.
// For libraries built without it the preloaded runtime still checks malloc, free and the string functions.
#pragma once

#include <string>

namespace epp::check {

// What a process that the sanitizer stops exits with.
inline constexpr int kSanitizerExit = 99;

bool under_address_sanitizer();
// Whether the library was compiled for it.
bool wants_address_sanitizer(const std::string& library);
// Bytes that are allocated right now, by the sanitizer's count.
size_t sanitizer_allocated();
// Looks for leaks and reports them on the standard error. False when there were none, or nobody can tell.
bool sanitizer_finds_leaks();

// Replaces this process; returns only when that failed, with the reason.
std::string start_again_with_sanitizer(const std::string& library, char** argv);

}  // namespace epp::check
