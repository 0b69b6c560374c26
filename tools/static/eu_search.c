/*
 * Functions that libdw.a of elfutils 0.192 calls and that Debian 13's libdw-dev lacks: the search tree of elfutils's
 * own libeu.a (lib/eu-search.h of elfutils 0.192). Only the static program is linked with it, and only where libdw.a
 * asks for it.
 */
#define _GNU_SOURCE /* tdestroy */
#include <pthread.h>
#include <search.h>
#include <stddef.h>

/* In elfutils the root is followed by a lock; here one lock for all trees is sufficient. */
struct search_tree {
  void* root;
};

typedef int (*compare_fn)(const void*, const void*);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void* eu_tsearch(const void* key, struct search_tree* tree, compare_fn compare);
void* eu_tfind(const void* key, struct search_tree* tree, compare_fn compare);
void* eu_tdelete(const void* key, struct search_tree* tree, compare_fn compare);
void eu_tdestroy(struct search_tree* tree, void (*free_node)(void*));
void eu_search_tree_init(struct search_tree* tree);
void eu_search_tree_fini(struct search_tree* tree, void (*free_node)(void*));

void* eu_tsearch(const void* key, struct search_tree* tree, compare_fn compare) {
  void* found;

  pthread_mutex_lock(&lock);
  found = tsearch(key, &tree->root, compare);
  pthread_mutex_unlock(&lock);
  return found;
}

void* eu_tfind(const void* key, struct search_tree* tree, compare_fn compare) {
  void* found;

  pthread_mutex_lock(&lock);
  found = tfind(key, &tree->root, compare);
  pthread_mutex_unlock(&lock);
  return found;
}

void* eu_tdelete(const void* key, struct search_tree* tree, compare_fn compare) {
  void* parent;

  pthread_mutex_lock(&lock);
  parent = tdelete(key, &tree->root, compare);
  pthread_mutex_unlock(&lock);
  return parent;
}

void eu_tdestroy(struct search_tree* tree, void (*free_node)(void*)) {
  pthread_mutex_lock(&lock);
  tdestroy(tree->root, free_node);
  tree->root = NULL;
  pthread_mutex_unlock(&lock);
}

void eu_search_tree_init(struct search_tree* tree) { tree->root = NULL; }

void eu_search_tree_fini(struct search_tree* tree, void (*free_node)(void*)) { eu_tdestroy(tree, free_node); }
