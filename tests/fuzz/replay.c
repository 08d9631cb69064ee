/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright (c) 2026 The Revere for DPDK authors
 */

/*
 * Runs a fuzz target on files and on all files of folders: a corpus as a regression test, a
 * crash under a debugger, with any compiler.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_SIZE (1 << 20)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(INPUT_SIZE);
	size_t size;

	if (file == NULL || data == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	size = fread(data, 1, INPUT_SIZE, file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int
replay(const char *path)
{
	char name[4096];
	struct dirent *entry;
	struct stat st;
	int count = 0;
	DIR *dir;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return replay_file(path);
	dir = opendir(path);
	if (dir == NULL) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	while ((entry = readdir(dir)) != NULL) {
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.')
			count += replay(name);
	}
	closedir(dir);
	return count;
}

int
main(int argc, char **argv)
{
	int count = 0, i;

	LLVMFuzzerInitialize(&argc, &argv);
	for (i = 1; i < argc; i++)
		count += replay(argv[i]);
	printf("%d inputs\n", count);
	return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
