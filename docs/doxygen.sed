# Makes doxygen's comments of the plain ones in our C headers.
1s|^/\* |/** @file\n * |
s|^( *)/\* ([^-])|\1/** \2|
s|([;,]) +/\* |\1 /**< |
# The results of a function, one a line, become a list.
s|^ \*   (ESHM_[A-Z_]+, )*(ESHM_[A-Z_]+)|\n * - \1\2|
