"""A stranger (user 1001) whose unix sockets have names that imitate rows of /proc/net/unix, in which the socket with
the inode --inode has the name @evil. It prints a line when they exist."""
import argparse
import os
import socket
import time

import stranger

parser = argparse.ArgumentParser()
parser.add_argument("--inode", type=int, required=True)
parser.add_argument("--folder", required=True, help="where it may make files")
options = parser.parse_args()
stranger.become()
os.chdir(options.folder)
sockets = []
for number in range(100):
    each = socket.socket(socket.AF_UNIX)
    each.bind("s%d\n0: 2 0 0 1 3 %d @evil" % (number, options.inode))
    sockets.append(each)
print("there", flush=True)
time.sleep(60)
