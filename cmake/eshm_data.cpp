// The record classes as a library: what programs that were linked to releases 1.0 to 1.2 find in libeshm_data.so.1, and a member of
// libeshm.a. The definitions are those of the headers, here not inline.
#define ESHM_DATA_DEFINITIONS
#include "data_handler.h"

// Those programs hold objects of these sizes.
static_assert(sizeof(asn1::DataValue) == 40 && sizeof(asn1::FunctionCall) == 104 && sizeof(asn1::Event) == 88);
static_assert(sizeof(asn1::ImageFrame) == 48 && sizeof(asn1::DEREncoder) == 24 && sizeof(asn1::DERDecoder) == 24);
static_assert(sizeof(asn1::DERException) == 16 && sizeof(shm_protocol::DataItem) == 320);
static_assert(sizeof(shm_protocol::DataHandler) == 56);
