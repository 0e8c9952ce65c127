/* What any library costs that is loaded: there is nothing in it. */
typedef int nothing;
