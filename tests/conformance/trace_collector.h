// Receives spans over OTLP/gRPC on a port of 127.0.0.1.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace epp::conformance {

struct ReceivedSpan {
  std::string name;
  std::string scope;
  std::string service;   // service.name of the resource
  std::string trace_id;  // hexadecimal, as the two below
  std::string span_id;
  std::string parent_id;
  std::map<std::string, std::string> attributes;  // numbers as text
};

class TraceCollector {
 public:
  TraceCollector();
  ~TraceCollector();

  std::uint16_t port() const;
  std::vector<ReceivedSpan> spans() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::conformance
