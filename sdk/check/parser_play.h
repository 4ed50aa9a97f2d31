// Parsers (epp/ext/parser.h, a draft) fed with bodies that are right, cut, altered or no request at all. What they find
// has to lie within what they were given. The same seed gives the same bodies.
#pragma once

#include "check/call_meter.h"
#include "check/random.h"
#include "check/stage.h"

#include <epp/ext/parser.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace epp::check {

class ParserPlay {
 public:
  ParserPlay(Stage& stage, plugins::InstancePtr instance, uint64_t seed);

  // False when the instance is no parser.
  bool any() const { return table_ != nullptr; }
  // So many bodies; `megabyte`: each a large one.
  void play(uint32_t bodies, bool megabyte = false);
  CallMeter& meter() { return meter_; }

 private:
  void ask_claims();
  void take_body(std::string_view text);
  std::string make_body();
  bool parse(epp_str path);
  void prompt(epp_str path);
  void usage(epp_str path);
  void require_intact(Function function);
  bool require_span(Function function, std::string_view what, epp_span span, uint32_t encoding);

  plugins::InstancePtr instance_;
  const epp_parser* table_ = nullptr;  // null: it is no parser
  Random random_;
  CallMeter meter_;
  std::vector<std::string> paths_;
  std::string original_;
  std::unique_ptr<uint8_t[]> bytes_;  // as many as the body has, so that sanitizers see what is read behind it
  epp_bytes body_{};
};

}  // namespace epp::check
