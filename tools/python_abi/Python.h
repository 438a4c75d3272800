/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of CPython's stable ABI (PEP 384) which generated message code calls, so that
 * vision_msgs builds on a machine without Python's own header files. It holds for every CPython
 * from 3.10 on with its global interpreter lock.
 */
#ifndef RGBT_TRACKER_ROS_PYTHON_H
#define RGBT_TRACKER_ROS_PYTHON_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef ssize_t Py_ssize_t;
typedef struct _object PyObject;
typedef struct _typeobject PyTypeObject;
typedef PyObject * (*PyCFunction)(PyObject *, PyObject *);

struct _object
{
  Py_ssize_t ob_refcnt;
  PyTypeObject * ob_type;
};

typedef struct PyMethodDef
{
  const char * ml_name;
  PyCFunction ml_meth;
  int ml_flags;
  const char * ml_doc;
} PyMethodDef;

typedef struct PyModuleDef_Base
{
  PyObject ob_base;
  PyObject * (*m_init)(void);
  Py_ssize_t m_index;
  PyObject * m_copy;
} PyModuleDef_Base;

typedef struct PyModuleDef
{
  PyModuleDef_Base m_base;
  const char * m_name;
  const char * m_doc;
  Py_ssize_t m_size;
  PyMethodDef * m_methods;
  void * m_slots;
  void * m_traverse;
  void * m_clear;
  void * m_free;
} PyModuleDef;

#define PyModuleDef_HEAD_INIT {{1, NULL}, NULL, 0, NULL}
#define PyMODINIT_FUNC __attribute__((visibility("default"))) PyObject *
/* 3 is the stable ABI's number. */
#define PyModule_Create(definition) PyModule_Create2(definition, 3)

extern PyObject * PyExc_RuntimeError;
extern PyTypeObject PyFloat_Type;
extern PyTypeObject PyList_Type;
extern PyTypeObject PyUnicode_Type;

void Py_DecRef(PyObject *);
void PyErr_SetString(PyObject *, const char *);
PyObject * PyCapsule_New(void *, const char *, void (*)(PyObject *));
PyObject * PyImport_ImportModule(const char *);
PyObject * PyModule_Create2(PyModuleDef *, int);
int PyModule_AddObject(PyObject *, const char *, PyObject *);
PyObject * PyObject_CallObject(PyObject *, PyObject *);
PyObject * PyObject_GetAttrString(PyObject *, const char *);
int PyObject_IsInstance(PyObject *, PyObject *);
int PyObject_SetAttrString(PyObject *, const char *, PyObject *);
char * PyBytes_AsString(PyObject *);
double PyFloat_AsDouble(PyObject *);
PyObject * PyFloat_FromDouble(double);
PyObject * PyList_GetItem(PyObject *, Py_ssize_t);
PyObject * PyList_New(Py_ssize_t);
int PyList_SetItem(PyObject *, Py_ssize_t, PyObject *);
int PySequence_Check(PyObject *);
PyObject * PySequence_Fast(PyObject *, const char *);
Py_ssize_t PySequence_Size(PyObject *);
PyObject * PyTuple_GetItem(PyObject *, Py_ssize_t);
const char * PyUnicode_AsUTF8AndSize(PyObject *, Py_ssize_t *);
PyObject * PyUnicode_AsUTF8String(PyObject *);
PyObject * PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *);

#define Py_DECREF(object) Py_DecRef(object)
/* Py_DecRef accepts NULL. */
#define Py_XDECREF(object) Py_DecRef(object)
#define PyBytes_AS_STRING(object) PyBytes_AsString(object)
#define PyFloat_AS_DOUBLE(object) PyFloat_AsDouble(object)
#define PyFloat_Check(object) (PyObject_IsInstance(object, (PyObject *)&PyFloat_Type) == 1)
/* It is asked for names of classes and modules only, which are ASCII. */
#define PyUnicode_1BYTE_DATA(object) PyUnicode_AsUTF8AndSize(object, NULL)
#define PyUnicode_Check(object) (PyObject_IsInstance(object, (PyObject *)&PyUnicode_Type) == 1)

/* PySequence_Fast returns a list or a tuple; both getters lend the item. */
static inline PyObject * PySequence_Fast_GET_ITEM(PyObject * sequence, Py_ssize_t index)
{
  return PyObject_IsInstance(sequence, (PyObject *)&PyList_Type) == 1 ?
         PyList_GetItem(sequence, index) : PyTuple_GetItem(sequence, index);
}

#ifdef __cplusplus
}
#endif

#endif  /* RGBT_TRACKER_ROS_PYTHON_H */
