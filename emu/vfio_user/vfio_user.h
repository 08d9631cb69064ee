/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/**
 * @file
 * Serves a Function of the device to another process over a UNIX socket: vfio-user.
 *
 * The server has no thread of its own. Its owner waits for its file descriptor to become
 * readable, with others if it likes, and then calls revere_emu_vfio_user_process().
 *
 * One client has the Function at a time: the first that negotiates the protocol's version. Others
 * are told EBUSY. When the client goes, however it goes, the Function is reset and loses all
 * memory and interrupts, and is there for the next one.
 *
 * Functions return 0 or a negative errno. One thread at a time per server; servers of different
 * Functions or devices are independent.
 */

#ifndef REVERE_EMU_VFIO_USER_H
#define REVERE_EMU_VFIO_USER_H

#include "revere_emu.h"

#ifdef __cplusplus
extern "C" {
#endif

struct revere_emu_vfio_user;

/**
 * Makes a server.
 *
 * @param function  0 the PF, 1.. VFs
 * @param path      of the socket: created here, removed by revere_emu_vfio_user_destroy(). What
 *                  a server that died has left there is replaced. NULL: none, clients come by
 *                  revere_emu_vfio_user_adopt() alone
 * @param error     where to put one sentence about what is wrong and what to do; may be NULL
 * @return NULL and errno: EADDRINUSE another process serves there; ENOENT no such folder; ENOTSOCK
 *         there is something that is no socket; ENAMETOOLONG; EINVAL no such Function; or what
 *         socket(2) and bind(2) say
 */
struct revere_emu_vfio_user *revere_emu_vfio_user_create(struct revere_emu *emu,
							 unsigned int function, const char *path,
							 char *error, size_t error_size);

/** Disconnects the client, resets the Function, removes the socket. NULL is allowed. */
void revere_emu_vfio_user_destroy(struct revere_emu_vfio_user *server);

/** Takes over a connected stream socket, as if its peer had connected to the path. */
int revere_emu_vfio_user_adopt(struct revere_emu_vfio_user *server, int fd);

/** Readable when there is something to do; stays the server's. */
int revere_emu_vfio_user_fd(const struct revere_emu_vfio_user *server);

/** Does what there is to do without waiting. */
int revere_emu_vfio_user_process(struct revere_emu_vfio_user *server);

/** Whether a client has the Function. */
bool revere_emu_vfio_user_connected(const struct revere_emu_vfio_user *server);

/**
 * Asks the client to let go of the device (its REQ interrupt), as before a shutdown.
 *
 * @return 0; -ENOTCONN no client; -ENOTSUP it doesn't listen to such requests
 */
int revere_emu_vfio_user_request_release(struct revere_emu_vfio_user *server);

/** Writes who is connected and what it has mapped as text to @p fd. */
int revere_emu_vfio_user_dump(const struct revere_emu_vfio_user *server, int fd);

/**
 * For a SIGBUS handler: a client that truncates a file which it has mapped for DMA takes memory
 * away under the device. If @p address is in such a file, private memory takes the place of the
 * page, so that the access goes on and only that client's data is wrong.
 *
 * Async-signal-safe.
 *
 * @return false: no client's memory, the signal has another reason
 */
bool revere_emu_vfio_user_sigbus(void *address);

#ifdef __cplusplus
}
#endif

#endif /* REVERE_EMU_VFIO_USER_H */
