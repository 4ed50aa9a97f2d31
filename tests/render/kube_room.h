#pragma once

#include "render/objects.h"

#include <string>

namespace epp::testing {

// The API server of these tests: with a namespace `ns` and, beside the CRDs of configs/crds, those of
// tests/render/schemas for the kinds of Gateways and operators.
struct KubeRoom {
  KubeRoom();
  static KubeRoom& shared();

  KubeApi api;
  KubeObjects objects;
};

}  // namespace epp::testing
