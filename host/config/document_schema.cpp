// The schema of the document itself, as published. configs/schema/endpoint-picker-config.schema.json is a copy.
#include "config/schema.h"

namespace epp::config {

std::string document_schema() {
  return R"json({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "title": "EndpointPickerConfig",
  "type": "object",
  "description": "Configuration of the endpoint picker.",
  "properties": {
    "$schema": {"type": "string", "description": "Location of this schema, for editors."},
    "apiVersion": {"enum": ["llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"]},
    "kind": {"const": "EndpointPickerConfig"},
    "featureGates": {
      "type": "array",
      "items": {
        "type": "string",
        "pattern": "^(flowControl|haPopulateNonLeaderDatastore)(=.*)?$"
      },
      "description": "Gates: `name` or `name=true|false`."
    },
    "pluginDirectories": {
      "type": "array",
      "items": {"type": "string"},
      "description": "Directories with plugin libraries."
    },
    "plugins": {
      "type": "array",
      "items": {"$ref": "#/definitions/plugin"},
      "description": "Plugin instances."
    },
    "schedulingProfiles": {
      "type": "array",
      "items": {"$ref": "#/definitions/schedulingProfile"},
      "description": "Scheduling profiles."
    },
    "dataLayer": {"$ref": "#/definitions/dataLayer"},
    "flowControl": {"$ref": "#/definitions/flowControl"},
    "requestHandler": {
      "type": "object",
      "description": "How requests are read.",
      "properties": {
        "parsers": {
          "type": "array",
          "items": {"$ref": "#/definitions/pluginRef"},
          "description": "Parsers, in order of preference."
        }
      },
      "additionalProperties": false
    },
    "saturationDetector": {
      "$ref": "#/definitions/pluginRef",
      "description": "Deprecated: flowControl.saturationDetector."
    },
    "parser": {
      "$ref": "#/definitions/pluginRef",
      "description": "Deprecated: requestHandler.parsers."
    }
  },
  "additionalProperties": false,
  "definitions": {
    "pluginRef": {
      "type": "object",
      "description": "A plugin, by its name.",
      "properties": {
        "pluginRef": {
          "type": "string",
          "description": "Name of a plugin."
        }
      },
      "required": ["pluginRef"],
      "additionalProperties": false
    },
    "plugin": {
      "type": "object",
      "description": "A plugin instance.",
      "properties": {
        "name": {
          "type": "string",
          "description": "Name of the instance; the type when absent. Unique."
        },
        "type": {
          "type": "string",
          "description": "Plugin type; `epp plugins list` shows the available ones."
        },
        "parameters": {
          "description": "What the type asks for; see `epp plugins describe TYPE`."
        },
        "library": {
          "type": "string",
          "description": "File name of the library that must provide the type, when several offer it."
        },
        "sha256": {
          "type": "string",
          "pattern": "^[0-9a-f]{64}$",
          "description": "Digest that the library must have, taken before it is loaded."
        },
        "onFault": {
          "enum": ["reject", "ignore"],
          "description": "What a failure of this filter, screener or admitter means for the request."
        },
        "callBudget": {
          "description": "How long a call of the plugin may take before it counts as hung; 0s: as long as it likes.",
          "type": "string",
          "examples": ["50ms", "0s"]
        }
      },
      "required": ["type"],
      "dependencies": { "sha256": ["library"] },
      "additionalProperties": false
    },
    "schedulingProfile": {
      "type": "object",
      "description": "Filters, then scorers, then one picker, each in the order listed.",
      "properties": {
        "name": {
          "type": "string",
          "description": "Name of the profile. Unique."
        },
        "plugins": {
          "type": "array",
          "items": {
            "type": "object",
            "description": "A plugin of the profile.",
            "properties": {
              "pluginRef": {
                "type": "string",
                "description": "Name of a filter, scorer or picker."
              },
              "weight": {
                "type": "number",
                "default": 1,
                "description": "Weight of a scorer."
              }
            },
            "required": ["pluginRef"],
            "additionalProperties": false
          },
          "description": "Plugins of the profile."
        }
      },
      "required": ["name"],
      "additionalProperties": false
    },
    "priorityBand": {
      "type": "object",
      "description": "Limits and policies of one priority.",
      "properties": {
        "priority": {
          "type": "integer",
          "default": 0,
          "description": "Priority; higher goes first."
        },
        "maxBytes": {
          "description": "Queued bytes; absent or 0: 1000000000.",
          "oneOf": [
            {"type": "integer", "minimum": 0},
            {
              "type": "string",
              "pattern": "^[+]?[0-9.]+([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$"
            }
          ]
        },
        "maxRequests": {
          "description": "Queued requests; absent or 0: 5000.",
          "oneOf": [
            {
              "type": "integer",
              "minimum": 0
            },
            {
              "type": "string",
              "pattern": "^[+]?[0-9.]+([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$"
            }
          ]
        },
        "fairnessPolicyRef": {
          "type": "string",
          "description": "Fairness policy; default global-strict-fairness-policy."
        },
        "orderingPolicyRef": {
          "type": "string",
          "description": "Ordering policy; default fcfs-ordering-policy."
        }
      },
      "additionalProperties": false
    },
    "flowControl": {
      "type": "object",
      "description": "Queueing of requests. With the gate flowControl off only saturationDetector is used.",
      "properties": {
        "maxBytes": {
          "description": "Queued bytes over all priorities; absent or 0: no limit.",
          "oneOf": [
            {"type": "integer", "minimum": 0},
            {
              "type": "string",
              "pattern": "^[+]?[0-9.]+([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$"
            }
          ]
        },
        "maxRequests": {
          "description": "Queued requests over all priorities; absent or 0: no limit.",
          "oneOf": [
            {
              "type": "integer",
              "minimum": 0
            },
            {
              "type": "string",
              "pattern": "^[+]?[0-9.]+([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?$"
            }
          ]
        },
        "defaultRequestTTL": {
          "description": "How long a request may wait; default 60s, 0s: for ever.",
          "type": "string",
          "pattern": "^[-+]?(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$",
          "examples": ["60s", "1m30s"]
        },
        "noEndpointRequestTTL": {
          "description": "The same while the pool is empty; default: defaultRequestTTL.",
          "type": "string",
          "pattern": "^[-+]?(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$",
          "examples": ["60s", "1m30s"]
        },
        "defaultPriorityBand": {
          "$ref": "#/definitions/priorityBand"
        },
        "defaultNegativePriorityBand": {
          "$ref": "#/definitions/priorityBand"
        },
        "priorityBands": {
          "type": "array",
          "items": {
            "$ref": "#/definitions/priorityBand"
          },
          "description": "Priorities with limits of their own."
        },
        "usageLimitPolicyPluginRef": {
          "type": "string",
          "description": "Usage limit policy; default static-usage-limit-policy."
        },
        "saturationDetector": {"$ref": "#/definitions/pluginRef"},
        "enableEviction": {
          "type": "boolean",
          "default": false,
          "description": "Evict requests in flight for more important ones."
        },
        "epp": {"$ref": "#/definitions/flowControlExtensions"}
      },
      "additionalProperties": false
    },
    "flowControlExtensions": {
      "type": "object",
      "description": "What llm-d-router does not do; all of it off by default.",
      "properties": {
        "displaceLowerBands": {
          "type": "boolean",
          "default": false,
          "description": "A newcomer that finds a global limit reached displaces waiting requests of lower bands."
        },
        "reservedForHighBands": {
          "type": "number",
          "minimum": 0,
          "exclusiveMaximum": 1,
          "default": 0,
          "description": "Share of the global limits that only bands above priority 0 may fill."
        },
        "requestDeadlines": {
          "type": "boolean",
          "default": false,
          "description": "x-llm-d-request-ttl-ms, else x-llm-d-slo-ttft-ms, shortens how long the request may wait."
        },
        "holdStale": {
          "description": "How long readings that grow stale keep their last saturation; default 0s.",
          "type": "string",
          "pattern": "^[-+]?(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$",
          "examples": ["60s", "1m30s"]
        },
        "hysteresis": {
          "type": "number",
          "minimum": 0,
          "exclusiveMaximum": 1,
          "default": 0,
          "description": "Once closed, the gate opens so far below the ceiling."
        },
        "maxFlowsPerBand": {
          "type": "integer",
          "minimum": 0,
          "default": 0,
          "description": "Live fairness ids of a band; further ones share the flow `other`. 0: no limit."
        },
        "gatePerStage": {
          "type": "boolean",
          "default": false,
          "description": "A request waits only for the stage, prefill or decode, that it needs."
        },
        "decodeOnlyBelowTokens": {
          "type": "integer",
          "minimum": 0,
          "default": 256,
          "description": "With gatePerStage: prompts estimated below it need the decode stage only."
        },
        "retryAfter": {
          "type": "boolean",
          "default": false,
          "description": "Refusals carry `retry-after`, from the pace at which the queue empties."
        },
        "queuePosition": {
          "type": "boolean",
          "default": false,
          "description": "Refusals of a full queue carry `x-epp-queue-position`: the requests ahead."
        },
        "typedAdmitterDenials": {
          "type": "boolean",
          "default": false,
          "description": "A request that an admitter denies is answered with the admitter's status, not 500; without flow control, too."
        },
        "evictionFilterPluginRef": {
          "type": "string",
          "description": "Eviction filter; default sheddable-eviction-filter."
        },
        "evictionOrderingPluginRef": {
          "type": "string",
          "description": "Eviction ordering; default priority-then-time-eviction-order-policy."
        }
      },
      "additionalProperties": false
    },
    "dataLayer": {
      "type": "object",
      "description": "Where the endpoints and their state come from.",
      "properties": {
        "injectDefaults": {
          "type": "boolean",
          "default": true,
          "description": "Add metrics-data-source with core-metrics-extractor."
        },
        "sources": {
          "type": "array",
          "items": {
            "type": "object",
            "description": "A data source and the extractors that read it.",
            "properties": {
              "pluginRef": {
                "type": "string",
                "description": "Name of a data source."
              },
              "extractors": {
                "type": "array",
                "items": {
                  "$ref": "#/definitions/pluginRef"
                },
                "description": "Extractors of this source."
              }
            },
            "required": ["pluginRef"],
            "additionalProperties": false
          },
          "description": "Data sources."
        },
        "discovery": {"$ref": "#/definitions/pluginRef"},
        "peerDiscovery": {"$ref": "#/definitions/pluginRef"},
        "crossReplicaSyncerPluginRef": {
          "type": "string",
          "description": "Plugin that shares state between replicas."
        },
        "crossReplicaSyncInterval": {
          "description": "How often it publishes; default 200ms.",
          "type": "string",
          "pattern": "^[-+]?(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h))+$",
          "examples": ["60s", "1m30s"]
        }
      },
      "additionalProperties": false
    }
  }
}
)json";
}

}  // namespace epp::config
