/* Small host services: log, clock and timers, metrics, parameters, asynchronous completion.
 *
 *   epp.host.log/1  epp.host.clock/1  epp.host.metrics/1  epp.host.parameters/1  epp.host.async/1
 */
#ifndef EPP_HOST_SERVICES_H
#define EPP_HOST_SERVICES_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Log ---- */

#define EPP_HOST_LOG "epp.host.log/1"

#define EPP_LEVEL_ERROR (-1) /* always shown */
#define EPP_LEVEL_INFO 1     /* 1..3 info, 4 debug, 5 trace: the host's -v decides what is shown (default 2) */
#define EPP_LEVEL_DEFAULT 2
#define EPP_LEVEL_VERBOSE 3
#define EPP_LEVEL_DEBUG 4
#define EPP_LEVEL_TRACE 5

/* Frozen. */
typedef struct epp_log_field {
  epp_str key;
  epp_value value; /* F64, I64 or STR */
} epp_log_field;

typedef struct epp_host_log {
  uint32_t size;
  uint32_t reserved;
  /* 1 when lines of this level are shown. [any thread] */
  uint32_t (*enabled)(epp_self* self, int32_t level);
  /* Writes one line; carries the request's id when `request` is not NULL. [any thread] */
  void (*write)(epp_self* self, int32_t level, const epp_request* request, epp_str message, const epp_log_field* fields,
                uint64_t field_count);
} epp_host_log;

/* ---- Clock and timers ---- */

#define EPP_HOST_CLOCK "epp.host.clock/1"

typedef struct epp_host_clock {
  uint32_t size;
  uint32_t reserved;
  uint64_t (*now_ns)(void);  /* monotonic [any thread] */
  uint64_t (*wall_ns)(void); /* since the Unix epoch [any thread] */
  /* Calls fn(arg) after `delay_ns`, then every `period_ns` (0: once) [timer]. Returns an id; 0: refused, for want of a
   * function or because the instance is about to go. [any thread] */
  uint64_t (*start_timer)(epp_self* self, uint64_t delay_ns, uint64_t period_ns, void (*fn)(void* arg), void* arg);
  /* After it returns fn neither runs nor will run, unless called from fn itself. Unknown ids are ignored. Timers left
   * over are stopped before destroy. [any thread] */
  void (*stop_timer)(epp_self* self, uint64_t id);
} epp_host_clock;

/* ---- Metrics ---- */

#define EPP_HOST_METRICS "epp.host.metrics/1"

typedef struct epp_metric epp_metric; /* a family: name, help, label names. Where NULL is given, nothing happens */
typedef struct epp_series epp_series; /* one label set of a family. Likewise */

typedef struct epp_host_metrics {
  uint32_t size;
  uint32_t reserved;
  /* Families by full name. Asking again with the same shape gives the same family; with another shape, NULL. Label
   * names in order. `buckets` are ascending upper bounds without +Inf. [main] */
  epp_metric* (*counter)(epp_self* self, epp_str name, epp_str help, const epp_str* labels, uint64_t label_count);
  epp_metric* (*gauge)(epp_self* self, epp_str name, epp_str help, const epp_str* labels, uint64_t label_count);
  epp_metric* (*histogram)(epp_self* self, epp_str name, epp_str help, const epp_str* labels, uint64_t label_count,
                           const double* buckets, uint64_t bucket_count);
  /* The series for label values, in the order of the names, at most 16; kept until it is removed. NULL when their
   * number is wrong or the family is full. Instances that ask for the same values share the numbers. Look it up once
   * where you can. [any thread] */
  epp_series* (*series)(epp_metric* metric, const epp_str* values, uint64_t value_count);
  /* Gives the series up; the pointer must not be used again. It vanishes from the next scrape, unless another instance
   * asked for it as well. [any thread] */
  void (*remove)(epp_metric* metric, epp_series* series);
  void (*add)(epp_series* series, double delta);     /* counter (delta >= 0), gauge [any thread] */
  void (*set)(epp_series* series, double value);     /* gauge [any thread] */
  void (*observe)(epp_series* series, double value); /* histogram [any thread] */
} epp_host_metrics;

/* ---- Parameters ---- */

/* The validated parameters by JSON pointer (RFC 6901: "" is the object itself, "/estimate/image/mode"), so that a
 * plugin needs no JSON parser. Absent and null are alike. Strings live until create returns. Only during create; later
 * all is absent. [main] */
#define EPP_HOST_PARAMETERS "epp.host.parameters/1"

#define EPP_JSON_ABSENT 0u
#define EPP_JSON_BOOL 1u
#define EPP_JSON_NUMBER 2u
#define EPP_JSON_STRING 3u
#define EPP_JSON_ARRAY 4u
#define EPP_JSON_OBJECT 5u

typedef struct epp_host_parameters {
  uint32_t size;
  uint32_t reserved;
  uint32_t (*kind)(epp_self* self, epp_str pointer);           /* EPP_JSON_* */
  uint32_t (*boolean)(epp_self* self, epp_str pointer);        /* 0 or 1 */
  double (*number)(epp_self* self, epp_str pointer);           /* NaN when not a number; exact up to 2^53 */
  epp_str (*string)(epp_self* self, epp_str pointer);          /* data == NULL when not a string */
  uint64_t (*count)(epp_self* self, epp_str pointer);          /* elements of an array, members of an object */
  epp_str (*key)(epp_self* self, epp_str pointer, uint64_t i); /* i-th member name in document order */
} epp_host_parameters;

/* ---- Asynchronous completion (see ext/producer.h) ---- */

#define EPP_HOST_ASYNC "epp.host.async/1"

#define EPP_SLOT_REQUEST UINT32_MAX /* the value is of request scope */

/* Frozen. */
typedef struct epp_completion_value {
  epp_attr attr;
  uint32_t slot; /* as the candidates had it, or EPP_SLOT_REQUEST */
  epp_value value;
} epp_completion_value;

typedef struct epp_host_async {
  uint32_t size;
  uint32_t reserved;
  /* Ends a PENDING produce call, with EPP_OK and its values or with an error and a message. May come before produce has
   * returned. The host copies; an unknown or expired token is a counted no-op. [any thread] */
  void (*complete)(epp_self* self, uint64_t token, epp_status status, const epp_completion_value* values,
                   uint64_t value_count, epp_str message);
} epp_host_async;

#ifdef __cplusplus
}
#endif

#endif
