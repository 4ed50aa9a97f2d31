// The target ports of its pool that a pod serves right now: all of them, unless an annotation lists fewer.
//
//   llm-d.ai/active-ports: "8000,8002"                 counts when it is there, even when it is empty
//   inference.networking.k8s.io/active-ports: "8001"   its former name, else
//
// An item is a decimal number between optional blanks. Unlike upstream, which reads as many digits as there are and
// accepts a sign, anything else is no port; so "8000abc" activates nothing.
#pragma once

#include "kube/objects.h"

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace epp::discovery {

inline constexpr std::size_t kMaxTargetPorts = 8;
inline constexpr std::string_view kActivePorts = "llm-d.ai/active-ports";
inline constexpr std::string_view kActivePortsFormerly = "inference.networking.k8s.io/active-ports";

struct ActivePorts {
  std::bitset<kMaxTargetPorts> ranks;  // by index in the pool's list
  std::string warning;                 // about items that are no target ports of the pool; else empty
};

[[nodiscard]] ActivePorts active_ports(const kube::Labels& annotations, std::span<const std::uint16_t> target_ports);

}  // namespace epp::discovery
