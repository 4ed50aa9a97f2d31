// Do the configured parsers speak what the pool's model servers speak?
#pragma once

#include "request/parser.h"

#include <string_view>

namespace epp::app {

// True when `protocol` (the pool's appProtocol) is empty, or every parser that claims protocols claims this one.
bool parsers_speak(const request::ParserRegistry& parsers, std::string_view protocol);

}  // namespace epp::app
