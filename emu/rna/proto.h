/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Numbers of the protocols in packets.
 */

#ifndef RNA_PROTO_H
#define RNA_PROTO_H

#include <stdbool.h>
#include <stdint.h>

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_BRIDGED 0x6558 /* Ethernet in GRE or Geneve */
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_MPLS 0x8847
#define ETHERTYPE_MPLS_MULTICAST 0x8848
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_PTP 0x88f7

#define PROTO_HOP_BY_HOP 0
#define PROTO_ICMP 1
#define PROTO_IGMP 2
#define PROTO_IPIP 4
#define PROTO_TCP 6
#define PROTO_UDP 17
#define PROTO_IPV6 41
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_GRE 47
#define PROTO_AUTH 51
#define PROTO_ICMP6 58
#define PROTO_NONE 59
#define PROTO_DEST_OPTIONS 60
#define PROTO_SCTP 132

#define UDP_PORT_PTP_EVENT 319
#define UDP_PORT_VXLAN 4789
#define UDP_PORT_GENEVE 6081
#define UDP_PORT_MPLS 6635

#define VXLAN_HAS_VNI 0x08
#define GRE_HAS_CHECKSUM 0x80
#define GRE_HAS_KEY 0x20
#define GRE_HAS_SEQUENCE 0x10

static inline bool
is_vlan(uint16_t ethertype)
{
	return ethertype == ETHERTYPE_VLAN || ethertype == ETHERTYPE_QINQ;
}

#endif /* RNA_PROTO_H */
