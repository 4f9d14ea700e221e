/* libeshm_data.so.1 has nothing of its own: it needs libeshm.so.1, where its functions are. */
typedef int eshm_data_has_nothing_of_its_own;
