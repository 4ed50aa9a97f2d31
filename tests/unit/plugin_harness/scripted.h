// Plugins whose behaviour a test writes as lambdas, found by instance name. They go through the real ABI: the C++
// wrapper makes their tables, the host's factory makes their instances.
//
//   PluginHarness host;
//   load_scripted(host);
//   script("s").score = [](const auto&, const auto& candidates, auto scores) { ... };
//   auto scorer = host.create("scripted-scorer", "{}", "s");
#pragma once

#include "unit/plugin_harness/plugin_harness.h"

#include <epp/plugin.hpp>

#include <functional>
#include <map>
#include <span>
#include <string>

namespace epp::testing {

struct Script {
  std::function<void(sdk::Context&)> construct;
  std::function<void()> destroyed;
  std::function<void(const sdk::Request&, const sdk::Candidates&, sdk::Kept&)> filter;
  std::function<void(const sdk::Request&, const sdk::Candidates&, std::span<double>)> score;
  std::function<void(const sdk::Request&, const sdk::Candidates&, std::span<const double>, sdk::Picks&)> pick;
  std::function<bool(const sdk::Request&, const sdk::Candidates&, sdk::Token)> produce;
  std::function<void(uint64_t)> cancel;
  std::function<void(const sdk::Request&, const sdk::Results&)> pre_request;
  std::function<void(const sdk::Request&, const sdk::Results&, std::span<uint32_t>)> pick_profiles;
  std::function<uint32_t(const sdk::Request&, const sdk::Results&, std::span<uint32_t>)> process_profiles;
  std::function<void(const epp_endpoint&, bool added)> endpoint;
};

// The script of the instance of this name. Set it up before the instance is made.
Script& script(const std::string& name);
// Types scripted-filter, -scorer, -picker, -producer, -handler, -hook, -watcher. Forgets all scripts.
void load_scripted(PluginHarness& host);
const epp_entry& scripted_entry();

}  // namespace epp::testing
