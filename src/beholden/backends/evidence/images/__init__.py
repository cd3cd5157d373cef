"""Disk images of every kind as Sources: raw and split, E01, QCOW, VMDK, VHD, DMG; and the partitions in them."""
