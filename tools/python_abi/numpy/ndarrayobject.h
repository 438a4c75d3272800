/* SPDX-License-Identifier: Apache-2.0
 *
 * Empty on purpose: generated message code always includes this header, but only messages with
 * arrays of numbers use it, and vision_msgs has none.
 */
