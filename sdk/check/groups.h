// The groups of checks. Each runs in a child process of its own and tells the channel what it sees.
#pragma once

#include "check/channel.h"
#include "check/options.h"

#include <string>

namespace epp::check {

void check_elf(const Options& options, Channel& channel);
void check_load(const Options& options, Channel& channel);
void check_create(const Options& options, const std::string& type, Channel& channel);
void check_calls(const Options& options, const std::string& type, Channel& channel);
void check_threads(const Options& options, const std::string& type, Channel& channel);
void check_leaks(const Options& options, const std::string& type, Channel& channel);
void check_unload(const Options& options, Channel& channel);

}  // namespace epp::check
